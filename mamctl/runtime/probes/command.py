"""One command of the exec probe, from its spawn to its reaping.

It runs in a process group of its own; when it ends, or is late, whatever is left of the group is killed: a check
leaves nothing behind. The leader is reaped only after that, for until then nobody else can get its group's number.
No asyncio subprocess (its signals may reach a stranger, cpython#127049), no preexec_fn (it would fork slowly).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mamctl.runtime import processes
from mamctl.runtime.processes.pinned import can_pin
from mamctl.runtime.processes.stat import DEAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT: Final = 200
"""Bytes of the end of stderr that an exec probe keeps."""

_POLL = 0.01
_REAP_WITHIN = 1.0
_LAST_READS = 4

Watch = Callable[[asyncio.AbstractEventLoop, int, Callable[[], None]], None]
"""Calls back once, in the loop, when the process of that id has ended; does not reap it."""


def by_pidfd(loop: asyncio.AbstractEventLoop, pid: int, ended: Callable[[], None]) -> None:
    """Watch a process by a descriptor that becomes readable at its end (Linux)."""
    descriptor = os.pidfd_open(pid)

    def on_readable() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        ended()

    loop.add_reader(descriptor, on_readable)


def by_polling(loop: asyncio.AbstractEventLoop, pid: int, ended: Callable[[], None]) -> None:
    """Watch a process by asking every 10 ms, where there are no pidfds."""

    def ask() -> None:
        row = processes.read(pid)
        if row is None or row.state in DEAD:
            ended()
            return
        loop.call_later(_POLL, ask)

    loop.call_soon(ask)


class Command:
    """A running command. OSError from the constructor when it cannot be started.

    Its pid is in `pids` until it is reaped, so that whoever reaps orphans leaves it alone. `stdout` is a descriptor.
    """

    kept = KEPT

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        pids: set[int],
        watch: Watch | None = None,
        stdout: int = subprocess.DEVNULL,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int | None] = self._loop.create_future()
        self.tail = b""
        self._stderr, writing = os.pipe()
        try:
            self._process = self._spawn(argv, env, cwd, stdout, writing)
        except BaseException:
            os.close(self._stderr)
            raise
        finally:
            os.close(writing)
        os.set_blocking(self._stderr, False)
        self._pids = pids
        self._pids.add(self._process.pid)
        self._loop.add_reader(self._stderr, self._read)
        try:
            (watch or _WATCH)(self._loop, self._process.pid, self._on_end)
        except OSError:
            self._on_end()
            raise

    def kill(self) -> None:
        """End it now with its whole group; it is reaped when that is seen."""
        if not self._ended.done():
            self._kill_group()

    async def finish(self, timeout: float | None) -> int | None:  # noqa: ASYNC109 - it kills, then tells
        """Return the exit code (negative: the signal that ended it), or None when its status was lost.

        Raises TimeoutError after `timeout` seconds. Afterwards, whatever happened, the group is dead and reaped; only
        a process that the kernel cannot end at once is reaped later.
        """
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self._ended)
        finally:
            if not self._ended.done():
                self._kill_group()
                await asyncio.wait({self._ended}, timeout=_REAP_WITHIN)

    @property
    def pid(self) -> int:
        """Its pid, which is also the number of its group."""
        return self._process.pid

    @property
    def complaint(self) -> str:
        """Return the end of what it wrote to stderr, on one line."""
        words = self.tail[-self.kept :].decode(errors="replace").split()
        return "".join(character if character.isprintable() else "?" for character in " ".join(words))

    def _spawn(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, stdout: int, stderr: int
    ) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        return subprocess.Popen(argv, stdin=null, stdout=stdout, stderr=stderr, env=env, cwd=cwd, process_group=0)

    def _read(self) -> None:
        try:
            piece = os.read(self._stderr, 65536)
        except BlockingIOError:
            return
        self.tail = (self.tail + piece)[-self.kept :]
        if not piece:
            self._loop.remove_reader(self._stderr)

    def _on_end(self) -> None:
        if not self._may_leave():
            self._kill_group()
        code = _reap(self._process.pid)
        self._pids.discard(self._process.pid)
        # Popen would otherwise try to reap it again, and by then the number may be somebody else's.
        self._process.returncode = 0 if code is None else code
        self._read_rest()
        if not self._ended.done():
            self._ended.set_result(code)

    def _may_leave(self) -> bool:
        """Tell whether what it leaves behind shall live on, now that it has ended and is not reaped yet."""
        return False

    def _read_rest(self) -> None:
        self._loop.remove_reader(self._stderr)
        with suppress(BlockingIOError):
            # Bounded: a process that left the group may still be writing.
            for _ in range(_LAST_READS):
                self.tail = (self.tail + os.read(self._stderr, 65536))[-self.kept :]
        os.close(self._stderr)

    def _kill_group(self) -> None:
        # macOS answers EPERM when only the zombie is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _reap(pid: int) -> int | None:
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None  # Somebody reaped it before us; Popen would call that a success.


_WATCH: Watch = by_pidfd if can_pin() else by_polling
