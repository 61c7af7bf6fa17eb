"""Starting a supervisor from the terminal's side: what is refused beforehand, and one that does not answer."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.control.place import Place, place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime import launch
from mamctl.runtime.launch import (
    ALLOWANCE,
    CRASHES_ALLOWED,
    AlreadyRunningError,
    crashes_allowed,
    prepare,
    start_supervisor,
)
from mamctl.runtime.processes import children
from tests.runtime import understudy
from tests.runtime.stack import descriptors, lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="becoming another user needs root")


@pytest.fixture
def where(tmp_path: pathlib.Path) -> Place:
    (tmp_path / "services.yaml").write_text("services: {a: {command: [sleep, '1000']}}\n")
    return place(str(tmp_path / "services.yaml"), {})


@pytest.fixture
def no_leak() -> Iterator[None]:
    """See to it that no descriptor and no child is left."""
    before = descriptors()
    known = children(os.getpid())
    yield
    assert descriptors() == before
    assert set(children(os.getpid())) <= set(known)


# What is refused beforehand -------------------------------------------------------------------------------------


def test_the_folders_are_made(where: Place) -> None:
    before = os.umask(0)
    try:
        prepare(where)
    finally:
        os.umask(before)
    assert os.stat(where.home).st_mode & 0o777 == 0o700
    assert os.path.isdir(where.logs)
    prepare(where)


def far_away(tmp_path: pathlib.Path, runtime: pathlib.Path) -> Place:
    """Return a place whose path is too long for a socket."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir(parents=True)
    return place(str(folder / "services.yaml"), {"XDG_RUNTIME_DIR": str(runtime)})


def test_far_away_the_sockets_get_a_folder_that_only_their_user_can_write(tmp_path: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as runtime:
        prepare(far_away(tmp_path, pathlib.Path(runtime)))
        assert os.stat(f"{runtime}/mamctl").st_mode & 0o777 == 0o700
        os.chmod(f"{runtime}/mamctl", 0o777)
        with pytest.raises(MamctlError, match="where the sockets go, can be written by others"):
            prepare(far_away(tmp_path / "again", pathlib.Path(runtime)))


def test_a_path_that_is_too_long_for_any_socket_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(MamctlError, match="is too long for a socket"):
        prepare(far_away(tmp_path, tmp_path / ("y" * 100)))


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_home_that_others_may_write_is_refused(where: Place, mode: int) -> None:
    prepare(where)
    os.chmod(where.home, mode)
    with pytest.raises(MamctlError, match="is writable by others") as caught:
        prepare(where)
    assert caught.value.hint == f"`chmod 700 {where.home}`"


def test_a_manifest_that_everybody_may_write_is_refused(where: Place) -> None:
    os.chmod(where.manifest, 0o646)
    with pytest.raises(MamctlError, match="is writable by everybody") as caught:
        prepare(where)
    assert caught.value.hint == f"`chmod o-w {where.manifest}`"


def test_a_file_in_a_folders_place_is_refused(where: Place) -> None:
    pathlib.Path(where.logs).touch()
    with pytest.raises(MamctlError) as caught:
        prepare(where)
    assert caught.value.message == f"{where.logs} is not a folder, and a folder is needed there"
    assert caught.value.hint == "move it away, or give it another name"


def test_a_file_further_up_and_a_link_to_nowhere_are_named(where: Place, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(MamctlError, match=f"^{re.escape(str(file))} is not a folder"):
        prepare(where._replace(home=str(file / "deep" / "home")))
    pathlib.Path(where.logs).symlink_to(tmp_path / "nowhere")
    with pytest.raises(MamctlError, match=f"^{re.escape(where.logs)} is a link that leads nowhere"):
        prepare(where)


@AS_ROOT
def test_the_home_of_another_user_is_refused(where: Place) -> None:
    prepare(where)
    os.chown(where.home, NOBODY, NOBODY)
    with pytest.raises(MamctlError, match="belongs to another user") as caught:
        prepare(where)
    assert "MAMCTL_HOME" in str(caught.value.hint)


def as_nobody(where: Place) -> str:
    """Prepare as an ordinary user, in a process of its own; return what it says. (Root ignores modes.)"""
    hears, says = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            prepare(where)
            os.write(says, b"all is well")
        except MamctlError as error:
            os.write(says, f"{error.message}; {error.hint}".encode())
        finally:
            os._exit(0)
    os.close(says)
    with open(hears) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@AS_ROOT
@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (None, "all is well"),
        (".", "{folder}/.mamctl: permission denied; make {folder} writable for this user"),
        ("logs", "the logs folder {folder}/logs is not writable; make {folder} writable for this user"),
        (".mamctl", "{folder}/.mamctl is not writable; `chmod 700 {folder}/.mamctl`"),
    ],
)
def test_an_ordinary_user_hears_which_folder_he_cannot_write(closed: str | None, said: str) -> None:
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        if closed is not None:
            os.makedirs(os.path.join(folder, closed), exist_ok=True)
            os.chown(os.path.join(folder, closed), NOBODY, NOBODY)
            os.chmod(os.path.join(folder, closed), 0o500)
        assert as_nobody(place(f"{folder}/services.yaml", {})).startswith(said.format(folder=folder))


# One that does not answer ---------------------------------------------------------------------------------------


BECOME = """
import os
guarded.begin()
for name in ("report", "lease"):
    for fd in guarded.take(name):
        os.set_inheritable(fd, True)
        os.environ[name.upper()] = str(fd)
os.environ["LINE"] = str(guarded.fileno())
os.set_inheritable(guarded.fileno(), True)
os.execv("/bin/bash", ["bash", {program!r}])
"""


def instead(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let this run in the supervisor's place; `$REPORT` is the descriptor of its report, $LINE that to its guardian."""
    (tmp_path / "instead").write_text(f"echo $$ > {tmp_path}/pid\n{script}\n")
    (tmp_path / "become.py").write_text(BECOME.format(program=str(tmp_path / "instead")))
    argv = [sys.executable, "-S", understudy.__file__, str(tmp_path / "become.py")]
    state = launch.guardian_state
    monkeypatch.setattr(launch, "guardian_state", lambda *told: {**state(*told), "argv": argv})


def begin(where: Place, *, foreground: bool = True) -> Any:
    return start_supervisor(where, up={}, foreground=foreground, environ=dict(os.environ))


@pytest.mark.parametrize("script", ["exit 3", "kill -9 $$", 'printf "{" >&$REPORT', 'echo "[]" >&$REPORT'])
@pytest.mark.usefixtures("no_leak")
def test_one_that_ends_without_a_word_is_said_to_have_ended(
    where: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    instead(tmp_path, monkeypatch, script)
    with pytest.raises(MamctlError, match="the supervisor ended before it stood") as caught:
        begin(where)
    assert caught.value.hint == f"look at {where.logs}/mamctl.log"


@pytest.mark.usefixtures("no_leak")
def test_one_that_says_nothing_is_ended_after_a_while_with_all_that_it_started(
    where: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(tmp_path, monkeypatch, f"sleep 1000 {{LINE}}>&- & trap '' TERM; echo $! > {tmp_path}/child; wait")

    def time_passes(*_: object) -> None:
        eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())

    monkeypatch.setattr(launch, "_before", time_passes)
    with pytest.raises(MamctlError, match=r"did not stand after 60 s, and was ended"):
        begin(where)
    assert not any(lives(int((tmp_path / name).read_text())) for name in ("pid", "child"))


@pytest.mark.parametrize(
    ("report", "error"),
    [
        ({"error": "no", "hint": "yes", "code": "usage"}, UsageError),
        ({"error": "no", "hint": "yes", "code": "already_running"}, AlreadyRunningError),
        ({"error": "no", "hint": "yes", "code": "failed"}, MamctlError),
        ({"code": "manifest_invalid", "problems": [["f", 1, 2, "k", "m", None]]}, ManifestError),
    ],
)
@pytest.mark.usefixtures("no_leak")
def test_what_it_reports_is_raised(
    where: Place,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    report: dict[str, Any],
    error: type[MamctlError],
) -> None:
    if "problems" in report:
        names = ("file", "line", "column", "key", "message", "hint")
        report = {**report, "problems": [dict(zip(names, row, strict=True)) for row in report["problems"]]}
    instead(tmp_path, monkeypatch, f"echo '{json.dumps(report)}' >&$REPORT")
    with pytest.raises(MamctlError) as caught:
        begin(where)
    assert type(caught.value) is error
    if isinstance(caught.value, ManifestError):
        assert [str(problem) for problem in caught.value.problems] == ["f:1:2: k: m"]
    else:
        assert (caught.value.message, caught.value.hint) == ("no", "yes")


@pytest.mark.usefixtures("no_leak")
def test_the_lease_is_held_by_the_caller_alone(
    where: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other end sees the end of it when the caller lets go: that is what it ends itself by."""
    script = """
        echo '{"do": "stand", "fds": 0}' >&$LINE
        echo '{"ok": true}' >&$REPORT
        echo '{"do": "drop", "name": "report", "fds": 0}' >&$LINE
        exec {REPORT}>&-
        read -n 1 -u $LEASE
        echo '{"do": "leave", "code": 7, "hands_over": false, "fds": 0}' >&$LINE
    """
    instead(tmp_path, monkeypatch, script)
    started = begin(where)
    assert isinstance(started.lease, socket.socket)
    assert not os.get_inheritable(started.lease.fileno())
    assert lives(started.pid)
    started.lease.close()
    assert os.waitstatus_to_exitcode(os.waitpid(started.pid, 0)[1]) == 7


def test_its_own_log_begins_anew_once_it_is_large(
    where: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "LARGEST_LOG", 100)
    instead(tmp_path, monkeypatch, "echo what it had to say, at some length; exit 1")
    for _ in range(5):
        with pytest.raises(MamctlError):
            begin(where, foreground=False)
    sizes = [os.stat(f"{where.logs}/mamctl.log{end}").st_size for end in ("", ".1")]
    assert 0 < sizes[0] <= 150
    assert 100 < sizes[1] <= 150
    assert os.stat(f"{where.logs}/mamctl.log").st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("no_leak")
def test_a_link_in_the_place_of_its_log_is_not_followed(where: Place, tmp_path: pathlib.Path) -> None:
    prepare(where)
    (tmp_path / "precious").write_text("precious")
    os.symlink(tmp_path / "precious", f"{where.logs}/mamctl.log")
    with pytest.raises(MamctlError, match=r"mamctl\.log cannot be written: it is a link"):
        begin(where)
    assert (tmp_path / "precious").read_text() == "precious"


def test_an_interrupted_start_lets_go_of_the_lease(
    where: Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the supervisor is still thinking: it sees the end of its lease, and ends."""
    before, others = descriptors(), children(os.getpid())
    instead(tmp_path, monkeypatch, f"kill -INT {os.getpid()}; exec sleep 1000")
    # A shell's background job ignores it.
    was = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            begin(where)
    finally:
        signal.signal(signal.SIGINT, was)
    assert descriptors() == before
    [guardian] = set(children(os.getpid())) - set(others)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(guardian, 0)[1]) == 1


def test_how_many_crashes_a_guardian_allows_is_the_rule_or_the_variables() -> None:
    assert crashes_allowed({}) == crashes_allowed({ALLOWANCE: ""}) == CRASHES_ALLOWED
    assert crashes_allowed({ALLOWANCE: "100"}) == 100


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "\u0663"])
def test_what_is_no_number_of_crashes_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="is not a number of crashes"):
        crashes_allowed({ALLOWANCE: given})
