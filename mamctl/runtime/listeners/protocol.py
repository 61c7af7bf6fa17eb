r"""Supervisord's protocol for event listeners: what we write to their input, and what they say.

    phase          the listener says   becomes        which means
    ------------   -----------------   ------------   --------------------------------------------------------
    acknowledged   READY\n             ready          it can be told something
    ready          (nothing)           busy           it was told something
    busy           RESULT 2\nOK        acknowledged   it is done with that
    busy           RESULT 4\nFAIL      acknowledged   it is to be told that again
    any            anything else       unknown        it does not speak the protocol: it is told nothing any more

Docs of supervisord: events.rst. As there, what is not OK counts as FAIL, and nothing is forgiven.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mamctl.core.supervisord_events import Told

READY: Final = b"READY\n"
RESULT: Final = b"RESULT "
OK: Final = b"OK"
# No listener has more to say than a word.
LONGEST_LINE: Final = 64
LONGEST_RESULT: Final = 65_536
SHOWN: Final = 60


class Phase(StrEnum):
    """What a listener is doing, as far as it said."""

    ACKNOWLEDGED = "acknowledged"
    READY = "ready"
    BUSY = "busy"
    UNKNOWN = "unknown"


class Heard(NamedTuple):
    """What comes of a listener's words: its phase, the words not understood yet, and what it ended.

    `done`: whether it is done with what it was told, or failed; None: neither. `wrong`: what is wrong with its words.
    """

    phase: Phase
    rest: bytes
    done: bool | None = None
    wrong: str | None = None


def hear(phase: Phase, words: bytes) -> Heard:
    """Understand the next of a listener's words, if they are whole; call it again until nothing changes."""
    match phase:
        case Phase.ACKNOWLEDGED if words.startswith(READY):
            return Heard(Phase.READY, words[len(READY) :])
        case Phase.ACKNOWLEDGED if READY.startswith(words):
            return Heard(phase, words)
        case Phase.ACKNOWLEDGED:
            return _unknown(f"it said {_shown(words)} where READY was to come")
        case Phase.READY if words:
            return _unknown(f"it said {_shown(words)} without having been told anything")
        case Phase.BUSY:
            return _result(words)
        case _:
            return Heard(phase, b"" if phase is Phase.UNKNOWN else words)


def _result(words: bytes) -> Heard:
    line, newline, rest = words.partition(b"\n")
    if not newline and len(line) <= LONGEST_LINE and (RESULT.startswith(line) or line.startswith(RESULT)):
        return Heard(Phase.BUSY, words)
    number = line.removeprefix(RESULT)
    if not line.startswith(RESULT) or not number.isdigit() or len(line) > LONGEST_LINE:
        return _unknown(f"it said {_shown(line)} where RESULT and a length were to come")
    length = int(number)
    if length > LONGEST_RESULT:
        return _unknown(f"its result is {length} bytes long")
    if len(rest) < length:
        return Heard(Phase.BUSY, words)
    return Heard(Phase.ACKNOWLEDGED, rest[length:], done=rest[:length] == OK)


def _unknown(why: str) -> Heard:
    return Heard(Phase.UNKNOWN, b"", wrong=why)


def _shown(words: bytes) -> str:
    text = words.decode(errors="replace").partition("\n")[0]
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def envelope(told: Told, *, server: str, serial: int, pool: str, pool_serial: int) -> bytes:
    """Return an event as it is written to a listener's input."""
    payload = told.payload.encode()
    head = (
        f"ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} "
        f"eventname:{told.type} len:{len(payload)}\n"
    )
    return head.encode() + payload
