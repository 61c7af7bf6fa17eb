"""Names and numbers of signals, without asking the operating system."""

from __future__ import annotations

import sys
from typing import Final

from .findings import Invalid
from .nearest import did_you_mean

_EVERYWHERE: Final = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "FPE": 8, "KILL": 9, "SEGV": 11, "PIPE": 13,
    "ALRM": 14, "TERM": 15, "TTIN": 21, "TTOU": 22, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28,
}  # fmt: skip
_LINUX: Final = {
    "BUS": 7, "USR1": 10, "USR2": 12, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "URG": 23, "IO": 29, "PWR": 30,
    "SYS": 31,
}  # fmt: skip
_MACOS: Final = {
    "BUS": 10, "SYS": 12, "URG": 16, "STOP": 17, "TSTP": 18, "CONT": 19, "CHLD": 20, "IO": 23, "USR1": 30, "USR2": 31,
}  # fmt: skip
NUMBERS: Final = _EVERYWHERE | (_MACOS if sys.platform == "darwin" else _LINUX)
NAMES: Final = {number: name for name, number in NUMBERS.items()}


def signal_number(value: object) -> int:
    """Return the number of `TERM`, `SIGTERM` or 15. Raises `Invalid`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _in_range(value)
    if not isinstance(value, str):
        raise Invalid("must be the name or number of a signal", "write TERM, SIGTERM or 15")
    if value.isascii() and value.isdigit():
        return _in_range(int(value[:9]))
    name = value.upper().removeprefix("SIG")
    if name not in NUMBERS:
        raise Invalid(f"{value!r} is not a signal", did_you_mean(name, NUMBERS))
    return NUMBERS[name]


def _in_range(number: int) -> int:
    if not 1 <= number <= 64:
        raise Invalid(f"{number} is not a signal", "the numbers of signals are 1 to 64")
    return number
