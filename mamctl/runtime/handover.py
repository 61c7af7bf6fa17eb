"""Everything that a supervisor without a guardian has, given to the one that systemd started in the guardian's place.

It waits at a socket of its own. Whoever comes gets all descriptors, a page at a time; then the old one ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from mamctl.runtime.vault import Vault
from mamctl.runtime.wire import Wire

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    Item = tuple[str, list[int], dict[str, Any]]

ASK: Final = b"hand over\n"
PATIENCE: Final = 5.0


def await_heir(
    loop: asyncio.AbstractEventLoop, path: str, estate: Callable[[], list[Item]], write_down: Callable[[], None]
) -> None:
    """Wait for one who asks for everything; after that this process ends."""
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    before = os.umask(0o177)
    listener.bind(path)
    os.umask(before)
    listener.listen(1)

    def answer() -> None:
        guest, _ = listener.accept()
        guest.settimeout(PATIENCE)
        with guest, contextlib.suppress(OSError):
            if guest.recv(64) != ASK:
                return
            write_down()
            _give(Wire(guest), Vault(estate()))
            os._exit(0)

    loop.add_reader(listener.fileno(), answer)


def _give(wire: Wire, vault: Vault) -> None:
    more, after = True, 0
    while more:
        page, descriptors = vault.page(after)
        wire.send(page, descriptors)
        # Not too many descriptors may be under way; and whoever died before he had them all is no heir.
        if not wire.socket.recv(16):
            raise ConnectionError("the heir is gone")
        more, after = page["more"], after + len(page["items"])


def take_over(path: str) -> list[Item] | None:
    """Return all that a supervisor without a guardian had, and it is gone; None when there is no such one.

    Raises OSError when it died in the middle.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(path)
        line.sendall(ASK)
        found = _taken(Wire(line))
        os.unlink(path)
        return found
    return None


def _taken(wire: Wire) -> list[Item]:
    found: list[Item] = []
    more = True
    while more:
        pages = wire.receive()
        if pages is None:
            raise OSError("it ended in the middle")
        for page, descriptors in pages:
            for name, count, note in page["items"]:
                found.append((name, descriptors[:count], note))
                del descriptors[:count]
            more = page["more"]
            wire.socket.sendall(b"more\n")
    return found
