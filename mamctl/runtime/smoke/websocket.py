"""The websocket step: a message to send, and one to wait for among those that come."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mamctl.runtime.smoke.answer import Answer
from mamctl.runtime.smoke.expectation import difference
from mamctl.runtime.smoke.limit import unreachable, within
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from mamctl.core.manifest.steps import WebSocketAction
    from mamctl.runtime.smoke.saved import Saved

    Test = Callable[[str], bool]

MOST: Final = 1000
"""Messages of one socket that wait to be asked for; the oldest are dropped."""

LARGEST: Final = 4 << 20
_FAREWELL: Final = 1.0


class Socket:
    """An open connection and the messages that came over it, read by a task of `group`. Close it."""

    def __init__(self, connection: ClientConnection, group: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._messages: deque[str] = deque(maxlen=MOST)
        self._came = asyncio.Event()
        self._end: str | None = None
        self._seen = 0
        group.create_task(self._read())

    async def send(self, text: str) -> None:
        """Send a message. Raises Shortfall when the socket is closed."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise Shortfall(f"the socket was closed: {excerpt(str(closed))}") from None

    async def receive(self, test: Test) -> str:
        """Return the first message that holds, also of those that came before; the others stay."""
        while True:
            for message in self._messages:
                if test(message):
                    self._messages.remove(message)
                    return message
            if self._end is not None:
                raise Shortfall(f"the socket was closed: {self._end}")
            self._came.clear()
            await self._came.wait()

    def account(self) -> str:
        """Return what has come in place of what was waited for."""
        if not self._messages:
            return "none came" if not self._seen else "none is left"
        return f"{self._seen} came, the last: {excerpt(self._messages[-1])}"

    async def close(self) -> None:
        """Say goodbye; who does not answer that is left."""
        await self._connection.close()

    async def _read(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                message = await self._connection.recv()
                self._messages.append(message if isinstance(message, str) else message.decode(errors="replace"))
                self._seen += 1
                self._came.set()
        except ConnectionClosed as closed:
            self._end = excerpt(str(closed))
            self._came.set()


class Sockets:
    """The sockets that steps keep, by name; all of them are closed at the end of the run."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._kept: dict[str, Socket] = {}

    async def converse(self, action: WebSocketAction, saved: Saved, limit: float) -> Answer:
        """Connect or use a kept socket, send, and wait for the answer. Raises Shortfall."""
        began = time.monotonic()
        if action.kept is not None:
            text = await _talk(self._of(action.kept), action, saved, limit)
            return Answer(time.monotonic() - began, text)
        socket = await self._open(action, saved, limit)
        try:
            text = await _talk(socket, action, saved, max(0.01, limit - (time.monotonic() - began)))
        except BaseException:
            await socket.close()
            raise
        seconds = time.monotonic() - began
        if action.keep is None:
            await socket.close()
        else:
            self._kept[action.keep] = socket
        return Answer(seconds, text)

    async def close(self) -> None:
        """Close all that are kept."""
        await asyncio.gather(*(socket.close() for socket in self._kept.values()))

    def _of(self, name: str) -> Socket:
        if name not in self._kept:
            raise Shortfall(f"no socket {name} is open: the step that keeps it was not good")
        return self._kept[name]

    async def _open(self, action: WebSocketAction, saved: Saved, limit: float) -> Socket:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

        url = saved.text(action.url or "")
        headers = [(name, saved.text(value)) for name, value in action.headers]
        try:
            async with within(limit, "no handshake"):
                connection = await connect(
                    url, additional_headers=headers, open_timeout=None, close_timeout=_FAREWELL, max_size=LARGEST,
                    proxy=None,
                )  # fmt: skip
        except InvalidStatus as refused:
            status = str(refused.response.status_code)
            raise Shortfall("the handshake's status", "101", status, excerpt(_body(refused))) from None
        except (InvalidURI, InvalidHandshake, ValueError) as error:
            raise Shortfall(f"{url} gives no WebSocket: {excerpt(str(error))}") from None
        except (OSError, EOFError) as error:
            raise unreachable(error if isinstance(error, OSError) else ConnectionError("no answer"), url) from None
        return Socket(connection, self._group)


def _body(refused: Any) -> str:
    body = refused.response.body
    return body.decode(errors="replace") if body else ""


async def _talk(socket: Socket, action: WebSocketAction, saved: Saved, limit: float) -> str:
    """Send and wait; return the message, or nothing when none is waited for."""
    try:
        async with within(limit, "no answer"):
            if action.send is not None:
                await socket.send(_said(saved.value(action.send)))
            if action.expect is None:
                return ""
            return await socket.receive(_test(action.expect, saved))
    except Shortfall as shortfall:
        if not shortfall.what.startswith("no answer") or action.expect is None:
            raise
        wanted = shown(saved.value(action.expect))
        raise Shortfall(f"no message like {wanted} within {limit:.3g} s: {socket.account()}") from None


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _test(expect: str, saved: Saved) -> Test:
    """Return what tells whether a message is the expected one."""
    if isinstance(json.loads(expect), str):
        pattern = saved.pattern(json.loads(expect))
        return lambda message: pattern.search(message) is not None
    wanted = saved.value(expect)
    return lambda message: _holds(wanted, message)


def _holds(wanted: Any, message: str) -> bool:
    try:
        return difference(wanted, json.loads(message)) is None
    except (ValueError, RecursionError):
        return False
