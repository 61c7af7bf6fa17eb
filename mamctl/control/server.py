"""The control API's server: accepts, answers one request after the other, does each change once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.control.listener import is_ours
from mamctl.control.protocol import Document, Refusal, error_document
from mamctl.control.routes import Routes
from mamctl.control.streams import KEEPALIVE_SECONDS, Streams
from mamctl.control.wire import Wire
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    import socket

    from mamctl.control.protocol import Feed, Memory, Operator, Views
    from mamctl.control.routes import Request

logger = logging.getLogger("mamctl")
REMEMBERED_REQUESTS = 256
MOST_CONNECTIONS = 256
IDLE_SECONDS = 30.0
# The end of the supervisor waits so long for clients to take what they are sent.
GRACE_SECONDS = 1.0


class Done(NamedTuple):
    """A change that was asked for: what it was, and its answer to be."""

    method: str
    path: str
    answer: asyncio.Future[tuple[int, Document]]


class ControlServer:
    """Answers requests until it is closed.

    `idle`: how many seconds a client has for a request, and for taking an answer. `keepalive`: how many seconds a
    stream may be silent. `memory` knows the changes that an earlier supervisor made, so that none is made twice.
    """

    def __init__(
        self,
        listener: socket.socket,
        operator: Operator,
        feed: Feed,
        views: Views,
        *,
        idle: float = IDLE_SECONDS,
        keepalive: float = KEEPALIVE_SECONDS,
        memory: Memory | None = None,
    ) -> None:
        self._listener = listener
        self._routes = Routes(operator, feed, views)
        self._streams = Streams(operator, feed, views, keepalive=keepalive)
        self._idle = idle
        self._server: asyncio.Server | None = None
        self._memory = memory
        self._done: OrderedDict[str, Done] = OrderedDict()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener)

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Accept no more, let answers under way go out for `grace` seconds, then end all connections."""
        if self._server is not None:
            self._server.close()
        self._streams.end()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)
        left: list[asyncio.Future[Any]] = [*self._connections, *(done.answer for done in self._done.values())]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=grace)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if is_ours(writer.get_extra_info("socket")):
                await self._converse(Wire(reader, writer, patience=self._idle))
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            # The client went away or is asleep, or the supervisor is leaving: what it did not take, it does not get.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, wire: Wire) -> None:
        goes_on = True
        while goes_on:
            try:
                if len(self._connections) > MOST_CONNECTIONS:
                    raise Refusal(503, "busy", f"{MOST_CONNECTIONS} clients are connected already", "try again")
                request = await wire.request()
                if request is None:
                    return
                if stream := self._streams.of(request):
                    await stream(request, wire)
                    return
            except MamctlError as error:
                await wire.refuse(error)
                return
            goes_on = await wire.answer(*await self._answer(request))

    async def _answer(self, request: Request) -> tuple[int, Document]:
        identity = request.headers.get("x-request-id")
        if identity is None or request.method == "GET":
            return await self._carry_out(request)
        done = self._done.get(identity) or self._begin(identity, request)
        if (done.method, done.path) != (request.method, request.path):
            return error_document(
                Refusal(409, "request_id_taken", f"this id was that of {done.method} {done.path}", "use a new id")
            )
        # A client that went away must not take its request with it: the next one with this id wants the answer.
        return await asyncio.shield(done.answer)

    def _begin(self, identity: str, request: Request) -> Done:
        known = self._memory.known.get(identity) if self._memory else None
        method, path = known or (request.method, request.path)
        answer = self._carry_out(request, again=True) if known else self._carry_out_once(identity, request)
        done = self._done[identity] = Done(method, path, asyncio.ensure_future(answer))
        if len(self._done) > REMEMBERED_REQUESTS:
            self._forget()
        return done

    def _forget(self) -> None:
        """Forget the oldest change that has its answer; those under way are few, for each has its connection."""
        for identity, done in self._done.items():
            if done.answer.done():
                del self._done[identity]
                return

    async def _carry_out_once(self, identity: str, request: Request) -> tuple[int, Document]:
        # Nothing comes between the note and the change: a supervisor that is killed made both, or neither.
        if self._memory:
            self._memory.note(identity, request.method, request.path)
        return await self._carry_out(request)

    async def _carry_out(self, request: Request, *, again: bool = False) -> tuple[int, Document]:
        try:
            answer = self._routes.answer_again if again else self._routes.answer
            return 200, await answer(request)
        except MamctlError as error:
            return error_document(error)
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            return error_document(Refusal(500, "internal", "the supervisor has a defect", "look at logs/mamctl.log"))
