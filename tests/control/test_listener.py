"""The control socket belongs to its user alone, and a stale one is in nobody's way."""

from __future__ import annotations

import os
import pathlib
import socket
import stat
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from mamctl.control.listener import Listener
from mamctl.core.errors import MamctlError
from tests.control.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs root")


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def as_nobody(do: Callable[[], bytes]) -> bytes:
    """Do something as another user, in a process of its own; return what it says."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            theirs.sendall(do())
        except OSError as error:
            theirs.sendall(type(error).__name__.encode())
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        ours.settimeout(10)
        said = ours.recv(1000)
    os.waitpid(child, 0)
    return said


def test_the_socket_is_0600_in_a_folder_of_0700_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        listener = Listener(str(tmp_path / "run" / "control.sock"))
    finally:
        os.umask(before)
    assert mode(listener.path) == 0o600
    assert mode(os.path.dirname(listener.path)) == 0o700
    listener.close()


def test_a_stale_socket_is_replaced(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "run" / "control.sock")
    os.mkdir(tmp_path / "run", 0o700)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with serving(tmp_path) as served:
        assert served.ask("GET", "/v1/health")[0] == 200
    assert not os.path.exists(path)


def test_only_its_own_socket_is_taken_away(tmp_path: pathlib.Path) -> None:
    """Somebody removed the folder and started anew: the old supervisor's end must not deafen the new one."""
    path = str(tmp_path / "control.sock")
    os.chmod(tmp_path, 0o700)
    old, new = Listener(path), Listener(path)
    old.close()
    assert os.path.exists(path)
    new.close()
    assert not os.path.exists(path)


@pytest.mark.parametrize("how", ["writable by others", "a file", "in the way"])
def test_a_place_that_is_not_safe_or_not_free_is_refused_with_a_sentence(tmp_path: pathlib.Path, how: str) -> None:
    folder = tmp_path / "run"
    match how:
        case "writable by others":
            folder.mkdir()
            folder.chmod(0o777)
        case "a file":
            folder.touch()
        case _:
            (folder / "control.sock").mkdir(parents=True)
            folder.chmod(0o700)
    with pytest.raises(MamctlError, match="control socket"):
        Listener(str(folder / "control.sock"))


@AS_ROOT
def test_the_folder_of_another_user_is_refused(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(0o700)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(MamctlError, match="can be written by others"):
        Listener(str(folder / "control.sock"))


@AS_ROOT
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the permissions tell users apart")
def test_another_user_gets_no_word_even_where_the_permissions_would_let_him() -> None:
    """Not that they let him: the second gate is tried with the first one open."""

    def ask() -> bytes:
        with served.connection() as made:
            made.sendall(b"GET /v1/status HTTP/1.1\r\nHost: mamctl\r\n\r\n")
            return made.recv(1000) or b"hung up"

    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory() as folder, serving(pathlib.Path(folder)) as served:
        os.chmod(folder, 0o755)
        assert as_nobody(ask) == b"PermissionError"
        os.chmod(os.path.dirname(served.socket), 0o755)
        assert as_nobody(ask) == b"PermissionError"
        os.chmod(served.socket, 0o666)
        assert as_nobody(ask) in (b"hung up", b"ConnectionResetError", b"BrokenPipeError")
        assert served.ask("GET", "/v1/health")[0] == 200


def test_a_path_that_no_socket_can_have_is_refused_with_the_reason(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / ("x" * 120)
    with pytest.raises(MamctlError, match=r"cannot be made: AF_UNIX path too long"):
        Listener(str(folder / "control.sock"))
