"""One client's connection: requests come out of it, answers and streams go in. HTTP/1.1 by h11 on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

import h11

from mamctl.control.admission import is_json, is_of_tools
from mamctl.control.protocol import TEXT, Answer, Refusal, Request, answer_to

if TYPE_CHECKING:
    from mamctl.control.admission import Admission
    from mamctl.control.protocol import Document, Flow
    from mamctl.core.errors import MamctlError

LARGEST_BODY = 1 << 20
READ = 1 << 16
PIECE = 1 << 18
# Who is refused may still be sending; we read on for this long, so that the answer is not lost with the connection.
LINGER_SECONDS = 1.0
# supervisorctl takes an answer without a phrase for none. (http.HTTPStatus takes a millisecond to import.)
PHRASES: Final = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


class Wire:
    """A connection of a client that has `patience` seconds for each request and each answer.

    `admit` sees the head of each request before its body is read. `strict`: see Request.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        patience: float,
        admit: Admission,
        strict: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._admit = admit
        self._strict = strict
        self._http = h11.Connection(h11.SERVER)
        self._bodiless = False

    async def request(self) -> Request | None:
        """Read one whole request; None at the end of the connection.

        Raises Refusal for what is no request of ours, and TimeoutError for one that does not come to its end.
        """
        async with asyncio.timeout(self._patience):
            try:
                return await self._request()
            except h11.RemoteProtocolError as error:
                raise Refusal(400, "bad_request", f"this is not HTTP: {error}") from None

    async def answer(self, answer: Answer, *, last: bool = False) -> bool:
        """Send an answer; tell whether the client may send another request."""
        if not isinstance(answer.body, (dict, str, bytes)):
            return await self._flow(answer.body, answer)
        body, kind = _encoded(answer.body)
        headers = [*kind, ("Content-Length", str(len(body))), *answer.headers]
        if last:
            headers.append(("Connection", "close"))
        self._put(_head(answer.status, headers))
        async with asyncio.timeout(self._patience):
            # In pieces: a large body would be copied twice, and lie there until a slow client takes it.
            for start in range(0, 0 if self._bodiless else len(body), PIECE):
                self._put(h11.Data(data=body[start : start + PIECE]))
                await self._writer.drain()
            self._put(h11.EndOfMessage())
            await self._writer.drain()
        return self._goes_on()

    async def refuse(self, error: MamctlError) -> None:
        """Send an error as the last word of this connection."""
        await self.answer(answer_to(error), last=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(READ):
                    pass

    def begin(self, content_type: str) -> None:
        """Begin an answer that ends with the connection."""
        more = "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        self._writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{more}".encode())

    async def write(self, text: str) -> None:
        """Send a piece of such an answer; returns once there is room for more."""
        self._writer.write(text.encode())
        await self._writer.drain()

    def begin_pieces(self, content_type: str) -> None:
        """Begin an answer in chunks: its reader sees where each piece ends, and when all is over."""
        headers = [("Content-Type", content_type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
        self._put(_head(200, [*headers, ("Connection", "close")]))

    async def write_piece(self, piece: bytes) -> None:
        """Send a piece of such an answer; returns once there is room for more. Raises TimeoutError for a sleeper."""
        self._put(h11.Data(data=piece))
        async with asyncio.timeout(self._patience):
            await self._writer.drain()

    async def until_gone(self) -> None:
        """Return when the other side says that it says no more; what it says until then is not listened to."""
        while await self._reader.read(READ):
            pass

    async def until_left(self) -> None:
        """Return when the client has closed the connection, while its request is carried out.

        Over the Unix socket one that only says no more (`nc -N`) still gets its answer; over TCP it looks the same.
        """
        with contextlib.suppress(ConnectionError):
            room = LARGEST_BODY
            while early := await self._reader.read(READ):
                # The next request, or as much of it as is there: its turn comes when this one is answered.
                self._http.receive_data(early)
                room -= len(early)
                if room < 0:
                    await asyncio.get_running_loop().create_future()
            while not self._hung_up():  # noqa: ASYNC110 - the kernel tells only who asks
                await asyncio.sleep(LINGER_SECONDS)

    def _hung_up(self) -> bool:
        connection = self._writer.get_extra_info("socket")
        if connection is None or connection.family != socket.AF_UNIX:
            return True
        poll = select.poll()
        poll.register(connection.fileno(), 0)
        return any(found & (select.POLLHUP | select.POLLERR) for _, found in poll.poll(0))

    def end_pieces(self) -> None:
        """End such an answer."""
        self._put(h11.EndOfMessage())

    def upgrade(self, protocol: str) -> bytes:
        """Leave HTTP for another protocol; return what came of it already."""
        headers = [("Connection", "Upgrade"), ("Upgrade", protocol)]
        self._put(h11.InformationalResponse(status_code=101, headers=headers))
        return self._http.trailing_data[0]

    async def read(self) -> bytes:
        """Return what came over an upgraded connection, as soon as there is something; nothing at its end."""
        return await self._reader.read(READ)

    async def send(self, data: bytes) -> None:
        """Send over an upgraded connection; returns once there is room for more. Raises TimeoutError for a sleeper."""
        self._writer.write(data)
        async with asyncio.timeout(self._patience):
            await self._writer.drain()

    @property
    def gone(self) -> bool:
        """Whether the other side has said that it says no more, and all of that was read."""
        return self._reader.at_eof()

    async def _flow(self, flow: Flow, answer: Answer) -> bool:
        """Send an answer whose length nobody knows yet: in chunks, or to a client of HTTP/1.0 up to the end."""
        try:
            self._put(_head(answer.status, [*answer.headers]))
            async with asyncio.timeout(self._patience), contextlib.aclosing(flow.pieces()) as pieces:
                async for piece in pieces:
                    self._put(h11.Data(data=piece))
                    await self._writer.drain()
                self._put(h11.EndOfMessage())
                await self._writer.drain()
        finally:
            flow.close()
        return self._goes_on()

    def _goes_on(self) -> bool:
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            match event:
                case h11.NEED_DATA:
                    await self._receive()
                case h11.Request():
                    head = event
                    self._bodiless = head.method == b"HEAD"
                    self._admit(_headers(head), head.method.decode("ascii"), head.target.decode("ascii"))
                case h11.Data():
                    body += event.data
                    if len(body) > LARGEST_BODY:
                        raise Refusal(413, "too_large", f"a request may have at most {LARGEST_BODY} bytes")
                case h11.EndOfMessage():
                    assert head is not None
                    return _understood(head, bytes(body), strict=self._strict)
                case _:
                    return None

    async def _receive(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._put(h11.InformationalResponse(status_code=100, headers=[]))
        self._http.receive_data(await self._reader.read(READ))

    def _put(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")


def _understood(head: h11.Request, body: bytes, *, strict: bool) -> Request:
    path, _, query = head.target.decode("ascii").partition("?")
    headers = _headers(head)
    method = head.method.decode("ascii")
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    if is_of_tools(path):
        return Request(method, unquote(path), pairs, headers, strict=strict, payload=body)
    return Request(method, unquote(path), pairs, headers, _body(method, headers, body), strict)


def _head(status: int, headers: list[tuple[str, str]]) -> h11.Response:
    return h11.Response(status_code=status, headers=headers, reason=PHRASES.get(status, b""))


def _encoded(body: Document | str | bytes) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the bytes of an answer's body, and the header that says what they are; a file has its own."""
    match body:
        case bytes():
            return body, []
        case str():
            return body.encode(), [("Content-Type", TEXT)]
        case _:
            return json.dumps(body, default=str).encode(), [("Content-Type", "application/json")]


def _headers(head: h11.Request) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}


def _body(method: str, headers: dict[str, str], body: bytes) -> dict[str, object]:
    if method == "GET" or not body:
        return {}
    if not is_json(headers):
        raise Refusal(415, "not_json", "a body must be application/json")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Refusal(400, "bad_json", "the body must be a JSON object")
    return document
