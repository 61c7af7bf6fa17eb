"""Sending an open file: whole, a range of it, or the news that it has not changed."""

import asyncio
import os
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from services.backend.app.services.media_root import closed

from .byte_range import NotSatisfiable, byte_range

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
        if self._is_unchanged(headers):
            await self._send_head(send, 304, {}, ends=True)
            return
        try:
            part = byte_range(headers.get("range"), size) if self._may_range(headers) else None
        except NotSatisfiable:
            extra = {"content-range": f"bytes */{size}", "content-length": "0"}
            await self._send_head(send, 416, extra, ends=True)
            return
        start, end = part or (0, size)
        extra = {"content-length": str(end - start)}
        if part:
            extra["content-range"] = f"bytes {start}-{end - 1}/{size}"
        nothing = head or start == end
        await self._send_head(send, 206 if part else 200, extra, ends=nothing)
        if not nothing:
            await self._send_bytes(start, end, receive, send)

    async def _send_head(self, send: Send, status: int, extra: dict[str, str], *, ends: bool) -> None:
        headers = self._headers | extra
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        if ends:
            await send({"type": "http.response.body", "body": b""})

    async def _send_bytes(self, start: int, end: int, receive: Receive, send: Send) -> None:
        # After a client has gone, sending succeeds into the void: somebody has to look.
        gone = asyncio.create_task(_disconnected(receive))
        try:
            while start < end and not gone.done():
                chunk = await anyio.to_thread.run_sync(
                    os.pread, self._descriptor, min(CHUNK, end - start), start, limiter=self._reads
                )
                if not chunk:
                    raise OSError("the file became shorter while it was sent")
                start += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": start < end})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

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
        if date is None:
            return False
        try:
            return int(self._stat.st_mtime) <= parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            return False


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
