"""The environments that processes were started with.

The marker `MAMCTL_INSTANCE=<id>` in them is how a service's processes are known again, whatever they forked and
whichever session they left for. The kernel shows what was passed to exec; a program that writes over it hides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.runtime.processes import proc
from mamctl.runtime.processes.table import kernel_threads

if TYPE_CHECKING:
    from collections.abc import Collection

# Most environments are smaller; a larger one costs further reads.
_FIRST_READ = 32768


def environment(pid: int) -> dict[bytes, bytes] | None:
    """Return the variables a process was started with, or None when it is gone or we may not look."""
    text = proc.read_whole(f"/proc/{pid}/environ")
    if text is None:
        return None
    pairs = (entry.partition(b"=") for entry in text.split(b"\0") if entry)
    return {name: value for name, separator, value in pairs if separator}


def marked(key: bytes, values: Collection[bytes] | None = None) -> list[tuple[int, bytes]]:
    """Return (pid, value) of every readable process whose environment holds `key`, with one of `values` if given."""
    skipped = kernel_threads()
    found = []
    for pid in proc.pids():
        value = None if pid in skipped else _marker(pid, key + b"=")
        if value is not None and (values is None or value in values):
            found.append((pid, value))
    return found


def _marker(pid: int, prefix: bytes) -> bytes | None:
    """Return the value after `prefix` at the start of a variable."""
    text = proc.read(f"/proc/{pid}/environ", _FIRST_READ)
    if text and len(text) == _FIRST_READ:
        text = proc.read_whole(f"/proc/{pid}/environ")
    if not text or prefix not in text:
        return None
    _, found, rest = (b"\0" + text).partition(b"\0" + prefix)
    return rest.partition(b"\0")[0] if found else None
