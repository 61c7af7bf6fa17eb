"""What listeners were told and have still to be told, on disk: the next supervisor goes on from there.

    begin    a supervisor takes over what still holds
    heard    something happened: how far the history was read, what listeners know of services now (`tracks`, `ticks`),
             and what it is told as, with the pools that want to be told
    groups   the services of the manifest, by their names there
    next     the next number of an event in a pool
    gone     a pool is done with an event, or gave it up
    member   what a listener is doing; `touched`: it is being written to or read from in this moment
    left     a listener ended
    closed   a pool is no more

What is about to be done with a listener is written before it is done. The lines are those of the journal: they carry a
checksum, and one that is torn is passed over. What is over is dropped now and then.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.runtime.journal import read_journal, record_line
from mamctl.runtime.processes import boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Record = dict[str, Any]

LARGEST: Final = 500_000
# After a disk that was full it is tried again so much later: to write all of it takes its time.
PAUSE_SECONDS: Final = 1.0


class Ledger:
    """Appends records to a file of our own (0600). `whole` returns the records that say all that still holds."""

    def __init__(self, path: str, whole: Callable[[], Iterable[Record]]) -> None:
        self._path = path
        self._whole = whole
        self._lines: list[bytes] = []
        self._file = -1
        self._size = 0
        self._bound = LARGEST
        self._again_at = 0.0

    def read(self) -> list[Record]:
        """Return what an earlier supervisor wrote since the machine was started; nothing when there was none."""
        records = read_journal(self._path)
        begun = [number for number, record in enumerate(records) if record["type"] == "begin"]
        if not begun or records[begun[-1]].get("boot") != boot_id():
            return []
        return records[begun[-1] + 1 :]

    def note(self, kind: str, **data: object) -> None:
        """Note a record, to be written with the next `flush`."""
        self._lines.append(record_line(type=kind, **data))

    def flush(self) -> None:
        """Write what was noted. A full disk costs what the next supervisor would know, nothing else."""
        if not self._lines:
            return
        data, self._lines = b"".join(self._lines), []
        self._size += len(data)
        if self._file >= 0 and self._size <= self._bound:
            if not _is_written(self._file, data):
                self._forget()
        elif time.monotonic() >= self._again_at and not self._rewrite(data):
            self._forget()

    def close(self, *, over: bool) -> None:
        """Let go of the file; `over`: everything ended in order, so nothing of it holds any more."""
        self.flush()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if over:
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _forget(self) -> None:
        """Leave nothing that is not true any more: of whom nothing is known, the next supervisor starts anew.

        All is written once there is room again.
        """
        with contextlib.suppress(OSError):
            os.truncate(self._path, 0)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._again_at = -1, time.monotonic() + PAUSE_SECONDS

    def _rewrite(self, data: bytes) -> bool:
        """Keep only what still holds, and the newest notes; tell whether that is written.

        The old file stays until the new one is whole. Who is being touched stands in the notes only.
        """
        records = [{"type": "begin", "boot": boot_id()}, *self._whole()]
        data = b"".join(record_line(**record) for record in records) + data
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        new = f"{self._path}.new"
        try:
            file = os.open(new, flags, 0o600)
        except OSError:
            return False
        if not (_is_written(file, data) and _is_renamed(new, self._path)):
            os.close(file)
            with contextlib.suppress(OSError):
                os.unlink(new)
            return False
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._bound = file, len(data), max(LARGEST, 2 * len(data))
        return True


def _is_written(file: int, data: bytes) -> bool:
    """Append data; tell whether all of it found room."""
    try:
        return os.write(file, data) == len(data)
    except OSError:
        return False


def _is_renamed(path: str, new: str) -> bool:
    try:
        os.replace(path, new)
    except OSError:
        return False
    return True
