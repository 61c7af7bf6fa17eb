"""``/ws``: the clients' live connection."""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from services.backend.app.application import Application
from services.backend.app.services.events import Client, Hub

HEARTBEAT_S = 25
"""How often a client shall ping (seed 001)."""

SILENCE_S = 60.0
SEND_S = 10.0
FAREWELL_S = 5.0
STRIKES = 3

NOT_UNDERSTOOD = 1007
TRY_AGAIN_LATER = 1013
TOO_QUIET = 4408

log = logging.getLogger("mam.websocket")


class Leave(Exception):
    """Ends a session with a close code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class WebSocketEndpoint:
    """Accepts clients and gives each a session."""

    def __init__(self, application: Application) -> None:
        self._hub = application.hub

    def route(self) -> WebSocketRoute:
        """Return the route."""
        return WebSocketRoute("/ws", self.serve)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client until either side leaves."""
        await socket.accept()
        client = self._hub.join()
        if client is None:
            await _close(socket, Leave(TRY_AGAIN_LATER, "too many connections"))
            return
        log.info("a client came; %d connected", self._hub.connections)
        try:
            await _Session(socket, self._hub, client).run()
        finally:
            self._hub.leave(client)
            log.info("a client left; %d connected", self._hub.connections)


class _Session:
    """One client's connection: a sender, a receiver, and a watch on the hub's patience."""

    def __init__(self, socket: WebSocket, hub: Hub, client: Client) -> None:
        self._socket = socket
        self._hub = hub
        self._client = client
        self._strikes = 0

    async def run(self) -> None:
        farewell: Leave | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._receive())
                tasks.create_task(self._be_patient())
        except* Leave as group:
            farewell = next(error for error in group.exceptions if isinstance(error, Leave))
        except* WebSocketDisconnect:
            pass
        if farewell is not None:
            log.info("a client is told to go: %s", farewell.reason)
            await _close(self._socket, farewell)

    async def _send(self) -> None:
        await self._say({"type": "connection", "data": {"status": "connected"}, "seq": self._hub.seq,
                         "epoch": self._hub.epoch, "heartbeat": HEARTBEAT_S})  # fmt: skip
        while True:
            await self._say_text(await self._client.outbox.get())

    async def _receive(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), SILENCE_S)
            except TimeoutError:
                raise Leave(TOO_QUIET, f"no ping for {SILENCE_S:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            await self._answer(message.get("text"))

    async def _be_patient(self) -> None:
        await self._client.too_slow.wait()
        raise Leave(TRY_AGAIN_LATER, "too slow to keep up")

    async def _answer(self, text: str | None) -> None:
        kind = _kind_of(text)
        if kind is None:
            await self._count_strike()
        elif kind == "ping":
            self._hub.pinged()
            await self._say({"type": "pong", "seq": self._hub.seq})
        # Other types are of clients newer than we are; they cost nothing.

    async def _count_strike(self) -> None:
        self._strikes += 1
        if self._strikes >= STRIKES:
            raise Leave(NOT_UNDERSTOOD, "messages must be JSON objects with a type")
        await self._say({"type": "error", "error": "messages must be JSON objects with a type"})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._say_text(json.dumps(message))

    async def _say_text(self, text: str) -> None:
        try:
            await asyncio.wait_for(self._socket.send_text(text), SEND_S)
        except TimeoutError:
            raise Leave(TRY_AGAIN_LATER, "too slow to keep up") from None


async def _close(socket: WebSocket, farewell: Leave) -> None:
    # A client that does not read cannot be told; the connection ends without the frame then.
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        await asyncio.wait_for(socket.close(farewell.code, farewell.reason), FAREWELL_S)


def _kind_of(text: str | None) -> str | None:
    """Return the message's type; None when it is no message of ours."""
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    kind = message.get("type") if isinstance(message, dict) else None
    return kind if isinstance(kind, str) else None
