"""One datagram of sd_notify: lines of `KEY=value`.

What is not known here is passed over, as the protocol asks. `MAINPID`, `ERRNO`, `BUSERROR`, `FDSTORE`, `FDNAME` and
`MONOTONIC_USEC` are known and change nothing: we watch the process that we started, and keep no descriptors for it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mamctl.core.events import Said

LARGEST: Final = 4096
"""Bytes of a datagram; systemd takes no more either."""

LONGEST_STATUS: Final = 200
"""Letters of a status that are kept."""

LONGEST_SECONDS: Final = 8760 * 3600.0
"""A year: no service can ask for more time than that at once."""

_WORDS: Final = {word.value.encode(): word for word in Said}


class Message(NamedTuple):
    """What one datagram says; see `core.events.Notified` for the fields."""

    said: frozenset[Said]
    status: str | None = None
    extend: float | None = None
    watchdog: float | None = None


NOTHING: Final = Message(frozenset())


def parse(data: bytes) -> Message:
    """Read a datagram; never raises, whatever it holds."""
    if b"\0" in data:
        return NOTHING
    values: dict[bytes, bytes] = {}
    for line in data.split(b"\n"):
        key, equals, value = line.partition(b"=")
        if equals:
            values.setdefault(key, value)
    said = frozenset(_WORDS[line] for key, value in values.items() if (line := key + b"=" + value) in _WORDS)
    return Message(said, _status(values), _seconds(values, b"EXTEND_TIMEOUT_USEC"), _seconds(values, b"WATCHDOG_USEC"))


def _status(values: dict[bytes, bytes]) -> str | None:
    value = values.get(b"STATUS")
    return None if value is None else value.decode(errors="replace").strip()[:LONGEST_STATUS]


def _seconds(values: dict[bytes, bytes], key: bytes) -> float | None:
    """Read microseconds; None for what is no number."""
    value = values.get(key, b"")
    # All digits of an integer that the kernel knows; int() of a thousand would take its time.
    return min(int(value) / 1e6, LONGEST_SECONDS) if value.isdigit() and len(value) <= 20 else None
