"""The control API's server: HTTP/1.1 by h11 on asyncio, over a Unix socket that only its user can open.

A reader that is slow or dead holds up nobody: what it is sent comes from the history by number, so that there is no
queue of its own that could fill.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from mamctl.control.protocol import Document, Refusal, error_document
from mamctl.control.routes import Request, Routes, integer, seconds
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    import h11

    from mamctl.control.protocol import Feed, Operator, Views

logger = logging.getLogger("mamctl")
LARGEST_BODY = 1 << 20
READ = 1 << 16
REMEMBERED_REQUESTS = 256
IDLE_SECONDS = 30.0
KEEPALIVE_SECONDS = 15.0
HOSTS = frozenset({"mamctl", "localhost", "127.0.0.1", "[::1]"})


def listen(path: str) -> socket.socket:
    """Bind the control socket (0600 in a 0700 folder); one that was left behind is replaced."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0))
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(128)
    return listener


class ControlServer:
    """Answers requests until it is closed."""

    def __init__(self, listener: socket.socket, operator: Operator, feed: Feed, views: Views) -> None:
        self._listener = listener
        self._routes = Routes(operator, feed, views)
        self._feed = feed
        self._views = views
        self._operator = operator
        self._server: asyncio.Server | None = None
        self._done: OrderedDict[str, asyncio.Future[tuple[int, Document]]] = OrderedDict()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener)

    async def close(self, grace: float = 1.0) -> None:
        """Accept no more, let answers under way go out for `grace` seconds, then end all connections."""
        if self._server is not None:
            self._server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)
        for task in tuple(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if _is_ours(writer.get_extra_info("socket")):
                await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client went away; nobody is left to tell
        except asyncio.CancelledError:
            pass  # the supervisor is leaving
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import h11

        connection = h11.Connection(h11.SERVER)
        while True:
            try:
                request = await _read_request(connection, reader)
            except h11.RemoteProtocolError as error:
                await _send(connection, writer, error.error_status_hint, _refused("bad_request", str(error)))
                return
            except Refusal as error:
                await _send(connection, writer, *error_document(error))
                return
            if request is None:
                return
            if await self._streams(request, writer):
                return
            await _send(connection, writer, *await self._answer(request))
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async def _answer(self, request: Request) -> tuple[int, Document]:
        identity = request.headers.get("x-request-id")
        if identity is None or request.method == "GET":
            return await self._carry_out(request)
        if (known := self._done.get(identity)) is None:
            known = self._done[identity] = asyncio.ensure_future(self._carry_out(request))
            if len(self._done) > REMEMBERED_REQUESTS:
                self._done.popitem(last=False)
        # A client that went away must not take its request with it: the next one with this id wants the answer.
        return await asyncio.shield(known)

    async def _carry_out(self, request: Request) -> tuple[int, Document]:
        try:
            return 200, await self._routes.answer(request)
        except MamctlError as error:
            return error_document(error)
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            return error_document(Refusal(500, "internal", "the supervisor has a defect", "look at logs/mamctl.log"))

    # Streams ------------------------------------------------------------------------------------------------------

    async def _streams(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Stream what is to be streamed; tell whether it was."""
        try:
            if request.path == "/v1/events" and "text/event-stream" in request.headers.get("accept", ""):
                await self._stream_events(request, writer)
                return True
            if request.path == "/v1/logs" and request.method == "GET":
                await self._stream_logs(request, writer)
                return True
        except MamctlError as error:
            status, document = error_document(error)
            body = json.dumps(document).encode()
            writer.write(_head(status, "application/json", f"Content-Length: {len(body)}\r\n") + body)
            await writer.drain()
            return True
        return False

    async def _stream_events(self, request: Request, writer: asyncio.StreamWriter) -> None:
        seq = integer(request.query, "since", integer(request.headers, "last-event-id", self._feed.last))
        news = asyncio.Event()
        unlisten = self._feed.listen(lambda _event: news.set())
        writer.write(_head(200, "text/event-stream", "Cache-Control: no-store\r\n"))
        try:
            while True:
                news.clear()
                for event in self._feed.since(seq):
                    seq = event["seq"]
                    data = json.dumps(event, default=str)
                    writer.write(f"id: {seq}\nevent: {event['type']}\ndata: {data}\n\n".encode())
                await writer.drain()
                try:
                    await asyncio.wait_for(news.wait(), KEEPALIVE_SECONDS)
                except TimeoutError:
                    writer.write(b": still here\n\n")
        finally:
            unlisten()

    async def _stream_logs(self, request: Request, writer: asyncio.StreamWriter) -> None:
        wanted = [name for name in request.query.get("service", "").split(",") if name]
        since = request.query.get("since")
        batches = self._views.logs(
            self._operator.select(wanted or ["*"]),
            tail=integer(request.query, "tail", 100),
            since=None if since is None else seconds(since, "since", 0.0),
            follow=request.query.get("follow", "") in ("1", "true"),
        )
        writer.write(_head(200, "application/x-ndjson", "Cache-Control: no-store\r\n"))
        async for batch in batches:
            writer.write("".join(json.dumps(record) + "\n" for record in batch).encode())
            await writer.drain()


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Read one whole request; None at the end of the connection."""
    import h11

    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await asyncio.wait_for(reader.read(READ), IDLE_SECONDS))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LARGEST_BODY:
                raise Refusal(413, "too_large", f"a request may have {LARGEST_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _request(head, body)
        else:
            return None


def _request(head: h11.Request, body: bytes) -> Request:
    path, _, query = head.target.decode("ascii", "replace").partition("?")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
    host = headers.get("host", "").rsplit(":", 1)[0] if not headers.get("host", "").endswith("]") else headers["host"]
    if host not in HOSTS:
        raise Refusal(400, "bad_host", "the Host header names somebody else")
    method = head.method.decode("ascii")
    return Request(method, unquote(path), dict(parse_qsl(query)), headers, _body(method, headers, body))


def _body(method: str, headers: dict[str, str], body: bytes) -> dict[str, object]:
    if method == "GET" or not body:
        return {}
    if not headers.get("content-type", "").startswith("application/json"):
        raise Refusal(415, "not_json", "a body must be application/json")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_json", "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Refusal(400, "bad_json", "the body must be a JSON object")
    return document


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, status: int, document: Document) -> None:
    import h11

    body = json.dumps(document, default=str).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    response = h11.Response(status_code=status, headers=headers)
    for event in (response, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()


def _refused(code: str, message: str) -> Document:
    return error_document(Refusal(400, code, message))[1]


def _head(status: int, content_type: str, more: str) -> bytes:
    return f"HTTP/1.1 {status} \r\nContent-Type: {content_type}\r\nConnection: close\r\n{more}\r\n".encode()


def _is_ours(peer: socket.socket) -> bool:
    """Tell whether the other end is our own user, or root."""
    if sys.platform != "linux":
        return True  # the socket's permissions say it already
    _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in (0, os.getuid())
