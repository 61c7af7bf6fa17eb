"""A hook's command: the event on its input, what it says kept for the supervisor's own log."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING, Final

from mamctl.runtime.probes.command import Command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_LINES: Final = 20


class HookCommand(Command):
    """A command in a session of its own, so that what it leaves behind is nobody else's.

    `message` is its input. OSError from the constructor when it cannot be started.
    """

    kept = 4_000

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, pids: set[int], message: bytes
    ) -> None:
        self._message = message
        super().__init__(argv, env=env, cwd=cwd, pids=pids)

    @property
    def said(self) -> list[str]:
        """The last lines that it wrote."""
        lines = self.tail.decode(errors="replace").splitlines()
        return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in lines[-MOST_LINES:]]

    def _spawn(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, _stdout: int, stderr: int
    ) -> subprocess.Popen[bytes]:
        with _file(self._message + b"\n") as told:
            return subprocess.Popen(
                argv, stdin=told, stdout=stderr, stderr=stderr, env=env, cwd=cwd, start_new_session=True
            )


def _file(message: bytes) -> IO[bytes]:
    """Return a file that holds a message, ready to be read: into a pipe that is too small one would wait to write."""
    file = _anonymous()
    file.write(message)
    file.seek(0)
    return file


def _anonymous() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("event"), "w+b")
    return tempfile.TemporaryFile()
