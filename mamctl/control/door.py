"""The guardian's own small socket: how it stands with a stack whose supervisor does not answer."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mamctl.control.place import Place

PATIENCE = 2.0


class Guard(NamedTuple):
    """A guardian: its pid; that of its supervisor, if it has one; how often that died lately; whether it gave up."""

    pid: int
    brain: int | None
    crashes: int
    gave_up: bool


def ask_guardian(place: Place, word: str = "status") -> Guard | None:
    """Ask how it stands, or (`retry`) to start a supervisor after all; None when there is no guardian."""
    with contextlib.suppress(OSError, ValueError, KeyError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(place.door)
        line.sendall(word.encode())
        found = json.loads(line.recv(4096))
        return Guard(found["guardian"], found["brain"], found["crashes"], found["gave_up"])
    return None
