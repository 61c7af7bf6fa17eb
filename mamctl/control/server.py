"""The control API's server: accepts, answers one request after the other, does each change once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.control.admission import is_of_tools, is_page, on_our_socket
from mamctl.control.attaching import Attaching
from mamctl.control.gate import Gate
from mamctl.control.leaving import only_waits, unless_left, watching
from mamctl.control.listener import is_ours
from mamctl.control.protocol import Answer, Refusal, answer_to
from mamctl.control.routes import Routes
from mamctl.control.streams import KEEPALIVE_SECONDS, Streams
from mamctl.control.wire import Wire
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from mamctl.control.admission import OverTcp
    from mamctl.control.answers import Invitation
    from mamctl.control.protocol import Feed, Memory, Operator, Request, Views
    from mamctl.control.visitors import Visitors
    from mamctl.control.xmlrpc.facade import Facade

logger = logging.getLogger("mamctl")
REMEMBERED_REQUESTS = 256
LONGEST_ID = 200
MOST_CONNECTIONS = 256
# Who comes over TCP has not shown a token yet: together they must not keep the owner out.
MOST_TCP_CONNECTIONS = 64
IDLE_SECONDS = 30.0
NO_TCP = "the manifest's key says where: `control: {listen: 127.0.0.1:7373}`; then `mamctl up -d`"
NO_TOOLS = "tools made for supervisord are answered where the manifest says so: `control: {listen: ..., xmlrpc: true}`"
# The end of the supervisor waits so long for clients to take what they are sent.
GRACE_SECONDS = 1.0


class Done(NamedTuple):
    """A change that was asked for: what it was, and its answer to be."""

    method: str
    path: str
    answer: asyncio.Future[Answer]


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
        self._routes = Routes(operator, feed, views, self._invite)
        self._streams = Streams(operator, feed, views, keepalive=keepalive)
        self._attaching = Attaching(operator, views)
        self._idle = idle
        self._memory = memory
        self._done: OrderedDict[str, Done] = OrderedDict()
        self._own = Gate(listener, on_our_socket, self._serve, most=MOST_CONNECTIONS)
        self._tcp: Gate | None = None
        self._visitors: Visitors | None = None
        # Who can open the way in over TCP when somebody asks for the dashboard.
        self.opener: Callable[[str | None], Awaitable[None]] | None = None
        # Who answers tools made for supervisord, made when the first of them asks; and whether they are over TCP, too.
        self.make_facade: Callable[[], Facade] | None = None
        self.tools_over_tcp = False
        self._facade: Facade | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return sum(len(gate.connections) for gate in self._gates())

    async def start(self) -> None:
        """Begin to accept."""
        await self._own.open()

    async def open_tcp(self, listener: socket.socket, admission: OverTcp) -> None:
        """Accept over TCP too, in place of what was accepted there before."""
        await self.close_tcp()
        self._visitors = admission.visitors
        self._tcp = Gate(listener, admission, self._serve, most=MOST_TCP_CONNECTIONS)
        await self._tcp.open()

    async def close_tcp(self) -> None:
        """Accept over TCP no more, and end those connections."""
        gate, self._tcp = self._tcp, None
        if gate is not None:
            gate.close()
            await gate.end()

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Accept no more, let answers under way go out for `grace` seconds, then end all connections."""
        for gate in self._gates():
            gate.close()
        self._streams.end()
        self._attaching.end()
        if self._facade is not None:
            self._facade.end()
        under_way = [task for gate in self._gates() for task in gate.connections]
        if under_way:
            await asyncio.wait(under_way, timeout=grace)
        left: list[asyncio.Future[Any]] = [done.answer for done in self._done.values()]
        for answer in left:
            answer.cancel()
        for gate in self._gates():
            await gate.end()
        if left:
            await asyncio.wait(left, timeout=grace)

    def _gates(self) -> list[Gate]:
        return [gate for gate in (self._own, self._tcp) if gate is not None]

    async def _serve(self, gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if gate is not self._own or is_ours(writer.get_extra_info("socket")):
                strict = gate is not self._own
                wire = Wire(reader, writer, patience=self._idle, admit=gate.admission, strict=strict)
                await self._converse(gate, wire)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            # The client went away or is asleep, or the supervisor is leaving: what it did not take, it does not get.
            writer.transport.abort()
        finally:
            writer.close()

    async def _converse(self, gate: Gate, wire: Wire) -> None:
        goes_on = True
        while goes_on:
            try:
                gate.require_room()
                request = await wire.request()
                if request is None:
                    return
                if stream := self._stream(request):
                    await stream(wire)
                    return
            except MamctlError as error:
                await wire.refuse(error)
                return
            goes_on = await wire.answer(await self._attended(request, wire))

    async def _attended(self, request: Request, wire: Wire) -> Answer:
        """Answer a request. Raises ConnectionResetError when its client left while it waited."""
        if not is_of_tools(request.path) and not only_waits(request):
            return await self._answer(request)
        async with watching(wire) as left:
            if is_of_tools(request.path):
                return await self._call(request, left)
            answer = await unless_left(self._answer(request), left)
        if answer is None:
            raise ConnectionResetError("the client has left")
        return answer

    def _stream(self, request: Request) -> Callable[[Wire], Awaitable[None]] | None:
        if is_of_tools(request.path):
            return self._facade_for(request).stream(request)
        return self._attaching.of(request) or self._streams.of(request)

    def _facade_for(self, request: Request) -> Facade:
        """Return who answers tools of supervisord. On our own socket that needs no key: only its user is there."""
        if self.make_facade is None or (request.strict and not self.tools_over_tcp):
            raise Refusal(404, "unknown_path", f"no such path: {request.path[:200]}", NO_TOOLS)
        if self._facade is None:
            self._facade = self.make_facade()
        return self._facade

    async def _call(self, request: Request, left: asyncio.Future[None]) -> Answer:
        try:
            return await self._facade_for(request).answer(request, left)
        except MamctlError as error:
            return answer_to(error)

    async def _invite(self, listen: str | None) -> Invitation:
        from mamctl.control.visitors import LINK_SECONDS

        if self._tcp is None and self.opener is not None:
            await self.opener(listen)
        if self._tcp is None or self._visitors is None:
            raise Refusal(409, "no_tcp", "browsers cannot reach this stack: it does not listen on TCP", NO_TCP)
        path = self._visitors.link()
        return {"url": f"http://{self._tcp.address}{path}", "path": path, "expires_in_s": LINK_SECONDS}

    def _page(self, request: Request, visitors: Visitors) -> Answer:
        from mamctl.control import pages

        try:
            return pages.answer(request, visitors)
        except MamctlError as error:
            return answer_to(error)

    async def _answer(self, request: Request) -> Answer:
        if request.strict and self._visitors is not None and is_page(request.path):
            return self._page(request, self._visitors)
        identity = request.headers.get("x-request-id")
        if identity is None or request.method != "POST":
            return await self._carry_out(request)
        if not 0 < len(identity) <= LONGEST_ID:
            return answer_to(Refusal(400, "bad_request", f"X-Request-Id has 1 to {LONGEST_ID} characters"))
        done = self._done.get(identity) or self._begin(identity, request)
        if (done.method, done.path) != (request.method, request.path):
            return answer_to(
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

    async def _carry_out_once(self, identity: str, request: Request) -> Answer:
        # The note is written together with what the change brings: a supervisor that is killed made both, or neither.
        if self._memory:
            self._memory.note(identity, request.method, request.path)
        return await self._carry_out(request)

    async def _carry_out(self, request: Request, *, again: bool = False) -> Answer:
        try:
            answer = self._routes.answer_again if again else self._routes.answer
            return Answer(200, await answer(request))
        except MamctlError as error:
            return answer_to(error)
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            return answer_to(Refusal(500, "internal", "the supervisor has a defect", "look at logs/mamctl.log"))
