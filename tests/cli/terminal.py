"""A real terminal for the tests: a program in a session of its own on a pseudo-terminal, keys in, bytes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Makes the pseudo-terminal the controlling one of the new session, then becomes the program. Whoever started us in the
# background may ignore what the keys of a terminal send.
BOOT = """
import fcntl, os, signal, sys, termios
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
    signal.signal(number, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """Runs a command on a terminal of the given size."""

    def __init__(
        self, command: Sequence[str], *, cwd: str, environ: Mapping[str, str], rows: int = 24, columns: int = 80
    ) -> None:
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = self.modes()
        self.seen = ""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        env = {**kept, "TERM": "xterm", "LANG": "C.UTF-8", **environ}
        boot = [sys.executable, "-c", BOOT, *command]
        self.process = subprocess.Popen(
            boot, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=env, start_new_session=True
        )
        os.close(slave)

    def modes(self) -> list[Any]:
        """Return the terminal's settings, without its pending queue."""
        return termios.tcgetattr(self.master)[:6]

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size; its foreground group is told by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def expect(self, pattern: str, timeout: float = 15.0) -> str:
        """Read until the text, without escapes, matches; forget all up to there and return the match."""
        deadline = time.monotonic() + timeout
        while True:
            found = re.search(pattern, ESCAPES.sub("", self.seen))
            if found:
                self.seen = ESCAPES.sub("", self.seen)[found.end() :]
                return found.group()
            if not self._read(deadline):
                raise AssertionError(f"no {pattern!r} in: {self.seen[-3000:]!r}")

    def expect_all(self, *patterns: str, timeout: float = 15.0) -> None:
        """Read until every pattern has matched, in whatever order; forget all of it."""
        deadline = time.monotonic() + timeout
        while missing := [one for one in patterns if not re.search(one, ESCAPES.sub("", self.seen))]:
            if not self._read(deadline):
                raise AssertionError(f"no {missing!r} in: {self.seen[-3000:]!r}")
        self.seen = ""

    def expect_child(self, command: str, timeout: float = 15.0) -> None:
        """Wait until the terminal's foreground group has a process of this name."""
        deadline = time.monotonic() + timeout
        while not any(name == command for name in self._names()):
            assert time.monotonic() < deadline, f"no {command} on the terminal"
            self._read(time.monotonic() + 0.02)

    def _names(self) -> list[str]:
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdecimal() and os.getsid(int(entry)) == self.process.pid:
                    with open(f"/proc/{entry}/comm") as file:
                        found.append(file.read().strip())
            except OSError:
                continue
        return found

    def wait(self, timeout: float = 15.0) -> int:
        """Read until the program has ended; return its exit code."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(min(deadline, time.monotonic() + 0.05))
        while self._read(time.monotonic() + 0.05):
            continue
        return self.process.wait(0.1)

    def close(self) -> None:
        """Hang up, and end what is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        os.close(self.master)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
