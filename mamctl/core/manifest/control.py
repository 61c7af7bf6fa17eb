"""The control listener over TCP: who can reach it must have been thought of, for it can do all that its owner can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .addresses import ADDRESS, Address
from .containers import Field, Record
from .expand import absolute
from .findings import Findings, Invalid
from .listening import Control, is_loopback
from .shapes import FIXED, FLAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .draft import Drafted


class ControlWish(NamedTuple):
    """The key as it is written."""

    listen: Address | None = None
    token_file: str | None = None
    xmlrpc: bool = False


CONTROL: Final = Record(
    ControlWish,
    {
        "listen": Field(ADDRESS, "Where the control API answers over TCP: 127.0.0.1:7373."),
        "token_file": Field(FIXED, "The file with the token; made when it is missing. Default: token in .mamctl."),
        "xmlrpc": Field(FLAG, "True: answer tools made for supervisord there, too. Default false."),
    },
    reference="control",
)
_AT: Final = ("control",)
_LISTEN: Final = ("control", "listen")


def control(value: object, folder: str, drafts: Mapping[str, Drafted], found: Findings) -> Control | None:
    """Return what a manifest says of it, None when that cannot be used; what is wrong is noted."""
    before = len(found.all)
    try:
        wish = CONTROL.read(value, _AT, found)
    except Invalid as invalid:
        found.refuse(_AT, invalid)
        return None
    if wish.listen is None:
        if len(found.all) == before:
            found.add(_AT, "listen is missing", "write listen: 127.0.0.1:7373")
        return None
    if not is_loopback(wish.listen.host) and wish.token_file is None:
        why = f"{wish.listen.host} can be reached by other machines, and no token_file is named"
        found.add(_LISTEN, why, "listen on 127.0.0.1, or name the token_file that they are to have a copy of")
    _check_port(wish.listen, drafts, found)
    file = None if wish.token_file is None else str(absolute(wish.token_file, folder))
    return Control(wish.listen.host, wish.listen.port, file, wish.xmlrpc)


def _check_port(listen: Address, drafts: Mapping[str, Drafted], found: Findings) -> None:
    for name, drafted in drafts.items():
        if any(wish.wanted == listen.port and not wish.fallback for wish in drafted.ports.values()):
            found.add(_LISTEN, f"port {listen.port} is also that of {name}", "choose another number")
            return
