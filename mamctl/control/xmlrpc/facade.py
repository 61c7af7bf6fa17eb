"""A request in, an answer out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mamctl.control.admission import RPC
from mamctl.control.protocol import Answer, Refusal
from mamctl.control.xmlrpc import asking, config, logs, signalling, starting, stopping, whole  # noqa: F401 - they register methods
from mamctl.control.xmlrpc.faults import Fault
from mamctl.control.xmlrpc.reading import Unreadable, read_call
from mamctl.control.xmlrpc.stack import Memory, Overseer, Programs, Stack
from mamctl.control.xmlrpc.system import guarded
from mamctl.control.xmlrpc.tails import Tails
from mamctl.control.xmlrpc.writing import Flow, fault, response, size, stretches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mamctl.control.protocol import Request, Views
    from mamctl.control.wire import Wire

# A web page may not send these to strangers unasked; what it may send is not answered.
XML: Final = ("text/xml", "application/xml")
# Characters, about, that are made an answer without a thread.
LARGEST_AT_ONCE: Final = 1 << 16
_HEADERS: Final = (
    ("Content-Type", "text/xml"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class Facade:
    """Answers tools made for supervisord."""

    def __init__(self, operator: Overseer, views: Views, programs: Programs) -> None:
        self._stack = Stack(operator, views, programs, Memory())
        self._tails = Tails(self._stack)
        self._writing = asyncio.Lock()

    def stream(self, request: Request) -> Callable[[Wire], Awaitable[None]] | None:
        """Return what streams the answer of a request, None when it is a call. Raises Refusal."""
        return None if is_call(request.path) else self._tails.of(request)

    async def answer(self, request: Request, left: asyncio.Future[None]) -> Answer:
        """Carry a call out. Raises Refusal for what is none; what goes wrong with one that is, is a fault.

        `left` is done once the client has gone.
        """
        if request.method != "POST":
            raise Refusal(405, "method_not_allowed", f"{RPC} takes POST", headers=(("Allow", "POST"),))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in XML:
            raise Refusal(415, "not_xml", "a call must be text/xml", "Content-Type: text/xml")
        try:
            name, params = read_call(request.payload)
        except Unreadable as error:
            raise Refusal(400, "bad_xml", f"this is no XML-RPC call: {error}") from None
        try:
            found = await guarded(self._stack._replace(remote=request.strict, left=left), name, params)
        except Fault as error:
            return Answer(200, fault(error), _HEADERS)
        make = Flow if any(stretches(found)) else response
        if size(found) <= LARGEST_AT_ONCE:
            return Answer(200, make(found), _HEADERS)
        # Other services wait for this loop. Several threads at once would starve it.
        async with self._writing:
            return Answer(200, await asyncio.to_thread(make, found), _HEADERS)

    def end(self) -> None:
        """Let streams end, and whatever nobody waits for."""
        self._tails.end()
        for task in tuple(self._stack.memory.later):
            task.cancel()


def is_call(path: str) -> bool:
    """Tell whether a path is that of calls, and not of a stream."""
    return path.rstrip("/") == RPC
