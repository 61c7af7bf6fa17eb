"""``/ws``: the clients' live connection."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
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
MAX_VISIBLE = 200

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


def _nobody_looks(_ids: list[int]) -> None:
    """Pass over a viewport: nothing has priorities here."""


class WebSocketEndpoint:
    """Accepts clients and gives each a session; ``on_viewport`` is told, in a thread, which assets are seen."""

    def __init__(self, application: Application, *, on_viewport: Callable[[list[int]], object] = _nobody_looks) -> None:
        self._hub = application.hub
        self._on_viewport = on_viewport

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
            await _Session(socket, self._hub, client, self._on_viewport).run()
        finally:
            self._hub.leave(client)
            log.info("a client left; %d connected", self._hub.connections)


class _Session:
    """One client's connection: a sender and a receiver."""

    def __init__(self, socket: WebSocket, hub: Hub, client: Client, on_viewport: Callable[[list[int]], object]) -> None:
        self._on_viewport = on_viewport
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
            messages = self._hub.take(self._client)
            for text in messages:
                await self._say_text(text)
            if not messages:
                await self._client.news.wait()

    async def _receive(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), SILENCE_S)
            except TimeoutError:
                raise Leave(TOO_QUIET, f"no ping for {SILENCE_S:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            await self._answer(message.get("text"))

    async def _answer(self, text: str | None) -> None:
        message = _message_of(text)
        kind = message.get("type")
        if kind == "ping":
            self._hub.pinged()
            await self._say({"type": "pong", "seq": self._hub.seq})
        elif kind == "resume":
            await self._resume(message)
        elif kind == "viewport":
            await self._look_at(message)
        elif not isinstance(kind, str):
            await self._count_strike("messages must be JSON objects with a type")
        # Other types are of clients newer than we are; they cost nothing.

    async def _resume(self, message: dict[str, Any]) -> None:
        since = message.get("since")
        if type(since) is not int or since < 0:
            await self._count_strike("resume needs since, the last seq that arrived, and its epoch")
            return
        self._hub.resume(self._client, since=since, epoch=message.get("epoch"))

    async def _look_at(self, message: dict[str, Any]) -> None:
        ids = message.get("ids")
        if not isinstance(ids, list) or len(ids) > MAX_VISIBLE or not all(_is_id(number) for number in ids):
            await self._count_strike(f"viewport needs ids, at most {MAX_VISIBLE} numbers of assets")
            return
        await anyio.to_thread.run_sync(self._on_viewport, ids)

    async def _count_strike(self, complaint: str) -> None:
        self._strikes += 1
        if self._strikes >= STRIKES:
            raise Leave(NOT_UNDERSTOOD, complaint)
        await self._say({"type": "error", "error": complaint})

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


def _message_of(text: str | None) -> dict[str, Any]:
    """Return the message; empty when it is no message of ours."""
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _is_id(number: object) -> bool:
    return type(number) is int and 0 < number < 2**63
