"""The address of the control listener over TCP: host and port."""

from __future__ import annotations

from typing import Final, NamedTuple

from .findings import Invalid, kind_of
from .interpolation import no_reference
from .shapes import Scalar, filled

HINT: Final = "write host:port, as 127.0.0.1:7373 or [::1]:7373"


class Address(NamedTuple):
    """A host, without the brackets of IPv6, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(value: object) -> Address:
    """Return a host and a port. Raises `Invalid`."""
    if not isinstance(value, str):
        raise Invalid(f"must be host:port, not {kind_of(value)}", HINT)
    host, colon, digits = no_reference(filled(value)).rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    if not colon or not name or bracketed != (":" in name) or any(letter in "/@[] \t" for letter in name):
        raise Invalid(f"{value!r} is not host:port", HINT)
    if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits[:9]) <= 65535:
        raise Invalid(f"{digits!r} is not a port", HINT)
    return Address(name, int(digits))


ADDRESS: Final = Scalar(
    address, {"type": "string", "pattern": r"^\S+:[0-9]{1,5}$"}, {"type": "string", "pattern": r"\$\{"}
)
