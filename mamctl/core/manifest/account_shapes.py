"""How a user, a group and a umask are written."""

from __future__ import annotations

from typing import Final

from .findings import Invalid, kind_of
from .interpolation import no_reference
from .shapes import INTERPOLATED, Scalar, Schema, WrittenInt

# 2**32 - 1 means "leave it as it is" to the kernel.
LARGEST_ID: Final = 2**32 - 2
NAME_HINT: Final = "write a name, as nobody, or a number, as 65534"
MASK_HINT: Final = "write octal digits, as 027"
_NOT_IN_NAMES: Final = frozenset(":/\0,")


def member(value: object) -> str:
    """Return a user or a group: a name, or the digits of a number. Raises `Invalid`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _numbered(int(value))
    if not isinstance(value, str):
        raise Invalid(f"must be a name or a number, not {kind_of(value)}", NAME_HINT)
    name = no_reference(value)
    if ":" in name:
        raise Invalid(f"{value!r} is not a name", "write user and group as two keys")
    if not name or name[0] == "-" or any(letter.isspace() or letter in _NOT_IN_NAMES for letter in name):
        raise Invalid(f"{value!r} is not a name", NAME_HINT)
    return _numbered(int(name[:20])) if name.isascii() and name.isdigit() else name


def _numbered(number: int) -> str:
    if not 0 <= number <= LARGEST_ID:
        raise Invalid(f"must be a whole number from 0 to {LARGEST_ID}, not {number}", NAME_HINT)
    return str(number)


def umask(value: object) -> int:
    """Return the umask that octal digits mean, with or without a leading 0 or 0o. Raises `Invalid`.

    A number of YAML counts as it is written: `027` is 0o27 whatever YAML makes of it. One that does not tell how it
    was written (TOML's) could mean two things, and is refused.
    """
    text = value.text if isinstance(value, WrittenInt) else value
    if isinstance(text, int) and not isinstance(text, bool):
        raise Invalid("must be text here, so that its digits are octal for certain", f'write "{text:03o}"')
    if not isinstance(text, str):
        raise Invalid(f"must be octal digits, not {kind_of(value)}", MASK_HINT)
    digits = no_reference(text).removeprefix("0o")
    if not 1 <= len(digits) <= 4 or not set(digits) <= set("01234567") or int(digits, 8) > 0o777:
        raise Invalid(f"{kind_of(text)} is not a umask", MASK_HINT)
    return int(digits, 8)


_WHO: Final[Schema] = {"type": "string", "pattern": r"^[^-:/,\s][^:/,\s]*$"}
MEMBER: Final = Scalar(member, {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}, _WHO, INTERPOLATED)
# An editor sees the number that YAML makes of the digits, and cannot tell them.
UMASK: Final = Scalar(
    umask, {"type": "string", "pattern": "^(0o)?0?[0-7]{1,3}$"}, {"type": "integer", "minimum": 0}, INTERPOLATED
)
