"""The control API over TCP, as the manifest wishes it now: opened, kept for the next supervisor, changed, closed.

Nothing else depends on it: what cannot be opened is told as an event, and tried again now and then.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from mamctl.control.server import ControlServer
    from mamctl.core.manifest.listening import Control
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.process_manager import ProcessManager

logger = logging.getLogger("mamctl")
NAME = "control-tcp"
AGAIN_SECONDS = 5.0
EXAMPLE = "127.0.0.1:7373, or 127.0.0.1:0 for any free port"


class Remote:
    """Holds the way in over TCP open as long as the manifest has the key, or as somebody asked for it.

    `home`: where its token lies by default.
    """

    def __init__(self, server: ControlServer, manager: ProcessManager, custody: Custody, home: str) -> None:
        self._server = server
        self._manager = manager
        self._custody = custody
        self._home = home
        self._open: Control | None = None
        self._told = ""
        self._asked: Control | None = None
        self._turn = asyncio.Lock()
        # The last supervisor may have left a socket under our name; nothing says so without taking it.
        self._kept = True

    async def follow(self) -> None:
        """Do what the manifest wishes, again whenever it has changed; to be cancelled."""
        changed = asyncio.Event()

        def hear(event: dict[str, Any]) -> None:
            if event["type"] == "manifest-changed":
                changed.set()

        self._asked = _asked(self._custody.note(NAME))
        self._server.opener = self.open
        unlisten = self._manager.history.listen(hear)
        try:
            while True:
                changed.clear()
                async with self._turn:
                    await self._apply(self._wish())
                await _rings(changed, None if self._open == self._wish() else AGAIN_SECONDS)
        finally:
            unlisten()

    async def open(self, written: str | None) -> None:
        """Open what the manifest says now, else a loopback address that was asked for, until this stack ends.

        Raises Refusal for what is none, and MamctlError when it cannot be had.
        """
        async with self._turn:
            wish = self._wish()
            if wish is not None and wish != self._open:
                await self._let_in(wish)
            elif wish is None and written is not None:
                await self._let_in(_loopback(written), asked=True)

    def _wish(self) -> Control | None:
        """Return what the manifest says now; one that an older version left for us knows nothing of it."""
        return getattr(self._manager.hands.manifest, "control", None) or self._asked

    async def _apply(self, wish: Control | None) -> None:
        if wish is not None and self._open == replace(wish, xmlrpc=not wish.xmlrpc):
            # The address stays, and with it whoever is connected.
            self._server.tools_over_tcp, self._open = wish.xmlrpc, wish
        if self._open is not None and wish != self._open:
            await self._close()
        if wish is None:
            self._let_go()
        elif wish != self._open:
            await self._try(wish)

    async def _try(self, wish: Control) -> None:
        try:
            await self._let_in(wish)
        except MamctlError as error:
            self._let_go()
            self._tell(error)
        except Exception:
            # A defect of this way in must not close the other one.
            self._let_go()
            logger.exception("the control API over TCP")

    async def _let_in(self, wish: Control, *, asked: bool = False) -> None:
        from mamctl.control.admission import OverTcp
        from mamctl.control.secret import TokenFile
        from mamctl.control.tcp import listen

        admission = OverTcp(TokenFile(wish.token_file or os.path.join(self._home, "token")), wish.host)
        # A thread, because a name may have to be looked up.
        listener = await asyncio.to_thread(listen, wish.host, wish.port, self._custody.take(NAME))
        if asked:
            # Now it has a number, by which the next supervisor finds it.
            self._asked = wish = replace(wish, port=listener.getsockname()[1])
        self._keep(wish, listener)
        self._server.tools_over_tcp = wish.xmlrpc
        await self._server.open_tcp(listener, admission)
        self._open, self._told = wish, ""
        logger.info("the control API answers on %s port %d, too", wish.host, wish.port)

    def _keep(self, wish: Control, listener: socket.socket) -> None:
        """Let the next supervisor have the socket, and know whether anybody asked for it."""
        note = {"host": wish.host, "port": wish.port, "asked": wish == self._asked}
        self._custody.keep(NAME, [listener.fileno()], note)
        self._kept = True

    def _tell(self, error: MamctlError) -> None:
        """Tell it once, however often it is tried."""
        if error.message == self._told:
            return
        self._told = error.message
        logger.error("%s (%s)", error.message, error.hint)
        self._manager.history.record("api-error", None, 0, {"detail": error.message, "hint": error.hint})
        self._manager.history.flush()

    async def _close(self) -> None:
        self._open = None
        await self._server.close_tcp()
        self._let_go()

    def _let_go(self) -> None:
        """Let nobody keep the socket any more: clients are to be refused, not to wait."""
        if self._kept:
            self._custody.drop(NAME)
        self._kept = False


def _asked(note: Mapping[str, Any]) -> Control | None:
    """Return what somebody asked an earlier supervisor to open; None: nobody did."""
    if not note.get("asked"):
        return None
    from mamctl.core.manifest.listening import Control

    return Control(str(note["host"]), int(note["port"]))


def _loopback(written: str) -> Control:
    """Return the address that was asked for. Raises Refusal when it is none, or one that other machines reach."""
    from mamctl.control.protocol import Refusal
    from mamctl.core.manifest.listening import Control, is_loopback

    host, _, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]").lower()
    if not host or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise Refusal(400, "bad_request", f"{written[:80]!r} is no address with a port", EXAMPLE)
    if not is_loopback(host):
        hint = "for other machines the manifest says it: control: {listen: ..., token_file: ...}"
        raise Refusal(400, "bad_request", f"{host[:80]} is not a loopback address", hint)
    return Control(host, int(port))


async def _rings(bell: asyncio.Event, seconds: float | None) -> None:
    """Wait for a bell, so long; None: as long as it takes."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
