"""How a process ended that is not our child, as far as the kernel tells."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.incarnation import Ended, ended
from mamctl.runtime.processes import wait_status
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="zombies show their status in /proc, pidfds on Linux")
KERNEL = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
ENDS = [("exit 0", 0), ("exit 3", 3 << 8), ("kill -TERM $$", signal.SIGTERM), ("kill -KILL $$", signal.SIGKILL)]


PARENT = """
import os, sys
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "read x; " + sys.argv[1]], os.environ)
print(pid, flush=True)
os.read(int(sys.argv[2]), 1)
os.waitpid(pid, 0)
print("reaped", flush=True)
os.read(int(sys.argv[2]), 1)
"""


class Elsewhere:
    """A process whose parent, not we, collects it: when we say so."""

    def __init__(self, command: str) -> None:
        self._told, tells = os.pipe()
        self._parent = subprocess.Popen(
            [sys.executable, "-IS", "-c", PARENT, command, str(self._told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._told],
        )
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._tells = tells
        self.pid = int(self._parent.stdout.readline())
        self.pidfd = os.pidfd_open(self.pid)

    def end(self) -> None:
        """Let it end, and be a zombie."""
        self._parent.stdin.write(b"\n")
        self._parent.stdin.flush()
        eventually(lambda: pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    def reap(self) -> None:
        """Let its parent collect it."""
        os.write(self._tells, b"x")
        assert self._parent.stdout.readline() == b"reaped\n"

    def close(self) -> None:
        for fd in (self._told, self._tells, self.pidfd):
            os.close(fd)
        self._parent.kill()
        self._parent.communicate()


@pytest.fixture(params=ENDS, ids=[command for command, _ in ENDS])
def found(request: pytest.FixtureRequest) -> Iterator[tuple[Elsewhere, int]]:
    command, status = request.param
    process = Elsewhere(command)
    yield process, status
    process.close()


def test_a_zombie_shows_how_it_ended(found: tuple[Elsewhere, int]) -> None:
    process, status = found
    assert wait_status(process.pidfd, process.pid) is None
    process.end()
    assert wait_status(process.pidfd, process.pid) == status
    assert wait_status(-1, process.pid) == status


def test_of_one_that_was_collected_already_the_descriptor_tells_or_nobody(found: tuple[Elsewhere, int]) -> None:
    process, status = found
    process.end()
    process.reap()
    told = wait_status(process.pidfd, process.pid)
    assert told in ((status,) if KERNEL >= (6, 15) else (status, None))
    assert wait_status(-1, process.pid) is None


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (None, Ended(None, None)),
        (0, Ended(0, None)),
        (3 << 8, Ended(3, None)),
        (signal.SIGKILL, Ended(None, 9)),
        (signal.SIGSEGV | 0x80, Ended(None, 11)),
    ],
)
def test_a_wait_status_is_read_as_a_code_or_a_signal(status: int | None, how: Ended) -> None:
    assert ended(status) == how
