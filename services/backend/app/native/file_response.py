"""Sending an open file: whole, a range of it, or the news that it has not changed."""

import asyncio
import json
import os
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from services.backend.app.errors import error_body
from services.backend.app.services.media_root import closed

from .byte_range import NotSatisfiable, Span, byte_ranges
from .multipart_ranges import Multipart

CHUNK = 1024 * 1024
"""1 MiB: with 64 KiB, the hops between threads cost more than the bytes (half the speed)."""

MAX_READS = 16


class FileResponse:
    """An ASGI answer that owns ``descriptor`` and closes it."""

    # Reads of streams have threads of their own, so that they never hold up anything else.
    _reads = anyio.CapacityLimiter(MAX_READS)

    def __init__(
        self, descriptor: int, *, content_type: str, etag: str | None = None, cache_control: str = "no-cache"
    ) -> None:
        self._descriptor = descriptor
        self._stat = os.fstat(descriptor)
        self._etag = etag or f'"{self._stat.st_mtime_ns:x}-{self._stat.st_size:x}"'
        self._headers = {
            "content-type": content_type,
            "accept-ranges": "bytes",
            "etag": self._etag,
            "last-modified": formatdate(self._stat.st_mtime, usegmt=True),
            "cache-control": cache_control,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        try:
            await self._answer(Headers(scope=scope), scope["method"] == "HEAD", receive, send)
        finally:
            closed(self._descriptor)

    async def _answer(self, headers: Headers, head: bool, receive: Receive, send: Send) -> None:  # noqa: FBT001
        size = self._stat.st_size
        if self._is_outdated(headers):
            await self._refuse(send, 412, "the file was changed meanwhile", {}, head=head)
            return
        if self._is_unchanged(headers):
            await self._send_head(send, 304, {}, ends=True)
            return
        try:
            # A range is defined for GET alone (section 14.2).
            asked = headers.get("range") if not head and self._may_range(headers) else None
            spans = byte_ranges(asked, size)
        except NotSatisfiable:
            extra = {"content-range": f"bytes */{size}"}
            await self._refuse(send, 416, f"no such range: the file has {size} bytes", extra, head=head)
            return
        if spans is not None and len(spans) > 1:
            await self._send_parts(Multipart(spans, self._headers["content-type"], size), receive, send)
            return
        await self._send_one(spans[0] if spans else None, head, receive, send)

    async def _refuse(self, send: Send, status: int, why: str, extra: dict[str, str], *, head: bool) -> None:
        body = json.dumps(error_body(why)).encode("ascii")
        extra |= {"content-type": "application/json", "content-length": str(len(body))}
        await self._send_head(send, status, extra, ends=head)
        if not head:
            await send({"type": "http.response.body", "body": body})

    async def _send_one(self, span: Span | None, head: bool, receive: Receive, send: Send) -> None:  # noqa: FBT001
        size = self._stat.st_size
        start, end = span or (0, size)
        extra = {"content-length": str(end - start)}
        if span:
            extra["content-range"] = f"bytes {start}-{end - 1}/{size}"
        nothing = head or start == end
        await self._send_head(send, 206 if span else 200, extra, ends=nothing)
        if not nothing:
            await self._send_bytes([(b"", (start, end))], b"", receive, send)

    async def _send_parts(self, parts: Multipart, receive: Receive, send: Send) -> None:
        extra = {"content-length": str(parts.length), "content-type": parts.content_type}
        await self._send_head(send, 206, extra, ends=False)
        await self._send_bytes(parts.parts, parts.end, receive, send)

    async def _send_head(self, send: Send, status: int, extra: dict[str, str], *, ends: bool) -> None:
        headers = self._headers | extra
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if ends:
            await send({"type": "http.response.body", "body": b""})

    async def _send_bytes(self, parts: list[tuple[bytes, Span]], last: bytes, receive: Receive, send: Send) -> None:
        # After a client has gone, sending succeeds into the void: somebody has to look.
        gone = asyncio.create_task(_disconnected(receive))
        try:
            for heading, (start, end) in parts:
                if heading:
                    await send({"type": "http.response.body", "body": heading, "more_body": True})
                await self._send_span(start, end, gone, send)
            if not gone.done():
                await send({"type": "http.response.body", "body": last})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _send_span(self, start: int, end: int, gone: asyncio.Task[None], send: Send) -> None:
        while start < end and not gone.done():
            chunk = await anyio.to_thread.run_sync(
                os.pread, self._descriptor, min(CHUNK, end - start), start, limiter=self._reads
            )
            if not chunk:
                raise OSError("the file became shorter while it was sent")
            start += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _is_outdated(self, headers: Headers) -> bool:
        """Whether the client wants another state of the file than this one (If-Match, If-Unmodified-Since)."""
        tags = headers.get("if-match")
        if tags is not None:
            return not {self._etag, "*"} & {tag.strip() for tag in tags.split(",")}
        date = headers.get("if-unmodified-since")
        return date is not None and _moment(date) is not None and not self._not_newer_than(date)

    def _is_unchanged(self, headers: Headers) -> bool:
        tags = headers.get("if-none-match")
        if tags is not None:
            known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
            return self._etag in known or "*" in known
        return self._not_newer_than(headers.get("if-modified-since"))

    def _may_range(self, headers: Headers) -> bool:
        """Whether the client's parts are of this very file (If-Range)."""
        condition = headers.get("if-range")
        return condition is None or condition in {self._etag, self._headers["last-modified"]}

    def _not_newer_than(self, date: str | None) -> bool:
        moment = _moment(date) if date is not None else None
        return moment is not None and int(self._stat.st_mtime) <= moment


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
