"""A started process has nothing of ours but what it should have; one that cannot be started says why."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.states import Reason
from mamctl.runtime import launcher as launcher_module
from mamctl.runtime.launcher import Launched, Launcher, LaunchError, raise_open_files
from mamctl.runtime.processes import children

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

# What a process finds out about itself, as one line each.
ABOUT = """
import os, signal, resource
opened = [fd for fd in map(int, os.listdir('/proc/self/fd')) if os.path.lexists(f'/proc/self/fd/{fd}')]
print(sorted(opened))
print(os.readlink('/proc/self/fd/0'))
print(os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid())
status = dict(line.split(':', 1) for line in open('/proc/self/status') if line.startswith('Sig'))
print(int(status['SigBlk'], 16))
"""


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    found = Launcher()
    yield found
    found.close()


def run(launcher: Launcher, *argv: str, cwd: str = "/", env: dict[str, str] | None = None) -> tuple[str, Any]:
    """Run a command to its end; return its output and how it ended."""
    reads, writes = os.pipe()
    with open(reads) as output:
        with open(writes, "w"):
            env = env or {"PATH": os.environ["PATH"]}
            launched = launcher.launch(argv, cwd=cwd, env=env, stdout=writes, stderr=writes)
        text = output.read()
    return text, ended(launched)


def ended(launched: Launched) -> Any:
    status = os.waitid(os.P_PIDFD, launched.pidfd, os.WEXITED)
    os.close(launched.pidfd)
    assert status is not None
    return status.si_status


def test_it_has_three_descriptors_a_session_of_its_own_and_no_blocked_signal(launcher: Launcher) -> None:
    """Also when a caller gave us one that is inherited: a program that embeds us may have such."""
    with open(os.devnull) as ours, open(os.devnull) as callers:
        assert not os.get_inheritable(ours.fileno())
        os.set_inheritable(callers.fileno(), True)
        text, status = run(launcher, sys.executable, "-IS", "-c", ABOUT)
    assert text.splitlines() == ["[0, 1, 2]", "/dev/null", "True True", "0"]
    assert status == 0


def test_it_has_its_folder_its_arguments_and_its_environment(launcher: Launcher, tmp_path: pathlib.Path) -> None:
    script = 'pwd; echo "$#:$1"; env | grep -v ^PWD= | grep -v ^_= | grep -v ^SHLVL= | sort'
    text, _ = run(launcher, "/bin/sh", "-c", script, "sh", "a b\n*", cwd=str(tmp_path), env={"ONLY": "thé"})
    assert text == f"{tmp_path}\n1:a b\n*\nONLY=thé\n"


def test_two_streams_are_two_streams(launcher: Launcher) -> None:
    reads_out, out = os.pipe()
    reads_err, err = os.pipe()
    launched = launcher.launch(("/bin/sh", "-c", "echo o; echo e >&2"), cwd="/", env={}, stdout=out, stderr=err)
    os.close(out)
    os.close(err)
    with open(reads_out) as told, open(reads_err) as complained:
        assert (told.read(), complained.read()) == ("o\n", "e\n")
    ended(launched)


def test_its_identity_is_a_descriptor_that_outlives_it(launcher: Launcher) -> None:
    with open(os.devnull, "w") as nowhere:
        launched = launcher.launch(("sleep", "100"), cwd="/", env={}, stdout=nowhere.fileno(), stderr=nowhere.fileno())
    assert not os.get_inheritable(launched.pidfd)
    signal.pidfd_send_signal(launched.pidfd, signal.SIGKILL)
    assert ended(launched) == signal.SIGKILL


def test_it_gets_the_limit_that_we_had() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    launcher = Launcher(soft - 5)
    code = """
import resource, sys
for _ in range(100_000):  # the limit is set beside us: it is there before we could open so many files
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == int(sys.argv[1]):
        break
print(soft, hard)
"""
    text, _ = run(launcher, sys.executable, "-IS", "-c", code, str(soft - 5))
    launcher.close()
    assert text.split() == [str(soft - 5), str(hard)]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_our_own_limit_is_raised_once() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        assert raise_open_files() == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert raise_open_files() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def odd(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with what cannot be run."""
    (tmp_path / "text").write_text("echo hello\n")
    (tmp_path / "text").chmod(0o755)
    (tmp_path / "closed").write_text("#!/bin/sh\n")
    (tmp_path / "closed").chmod(0o644)
    (tmp_path / "orphan").write_text("#!/no/such/interpreter\n")
    (tmp_path / "orphan").chmod(0o755)
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "cwd", "reason", "detail"),
    [
        (("no-such-command",), ".", Reason.COMMAND_NOT_FOUND, "no-such-command: no such command (not on PATH)"),
        (("./none",), ".", Reason.COMMAND_NOT_FOUND, "./none: no such command"),
        (("./text",), ".", Reason.SPAWN_FAILED, "./text: not a program; does it lack a #! line?"),
        (("./closed",), ".", Reason.SPAWN_FAILED, "./closed: permission denied"),
        (("./folder",), ".", Reason.SPAWN_FAILED, "./folder: permission denied"),
        (("true",), "none", Reason.SPAWN_FAILED, "its folder {odd}/none does not exist"),
        (("true",), "text", Reason.SPAWN_FAILED, "its folder {odd}/text does not exist"),
        (("./orphan",), ".", Reason.COMMAND_NOT_FOUND, "./orphan: its #! line names no program that exists"),
        (("a\x00b",), ".", Reason.SPAWN_FAILED, "a\x00b: embedded null byte"),
    ],
)
def test_what_cannot_be_started_says_why_for_good(
    launcher: Launcher, odd: pathlib.Path, argv: tuple[str, ...], cwd: str, reason: Reason, detail: str
) -> None:
    folder = str(odd / cwd) if cwd != "." else str(odd)
    with pytest.raises(LaunchError) as caught:
        run(launcher, *argv, cwd=folder)
    assert (caught.value.reason, caught.value.final) == (reason, True)
    assert caught.value.detail == detail.format(odd=odd)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.E2BIG])
def test_what_may_pass_is_not_final(number: int) -> None:
    error = launcher_module.explain(OSError(number, os.strerror(number)), ("web",), "/")
    assert (error.reason, error.final) == (Reason.SPAWN_FAILED, False)
    assert error.detail == f"web: {os.strerror(number).lower()}"


def test_a_start_that_fails_leaves_no_descriptor_and_no_child(launcher: Launcher) -> None:
    before = os.listdir("/proc/self/fd")
    known = children(os.getpid())
    for _ in range(5):
        with pytest.raises(LaunchError):
            run(launcher, "no-such-command")
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert set(children(os.getpid())) <= set(known)
