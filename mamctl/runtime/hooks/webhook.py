"""A webhook: one POST of the event as JSON, and one more when that did not arrive.

Redirects are not followed, so that nothing is sent to whom nobody named; no proxy is used. An answer of 2xx is good.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from mamctl.version import VERSION

if TYPE_CHECKING:
    import ssl

PAUSE: Final = 0.5
"""Seconds between the two attempts."""

_LONGEST_LINE: Final = 8_192


class NotTaken(Exception):
    """It was not taken. `again`: another attempt may help."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


async def post(url: str, body: bytes, timeout: float) -> None:  # noqa: ASYNC109 - of both attempts together
    """Post JSON within so many seconds. Raises NotTaken, and TimeoutError."""
    async with asyncio.timeout(timeout):
        try:
            await _attempt(url, body)
        except NotTaken as refusal:
            if not refusal.again:
                raise
            await asyncio.sleep(PAUSE)
            await _attempt(url, body)


def place(url: str) -> str:
    """Return where a URL leads, without what only its owner should know: path, query, password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(parts)}"


async def _attempt(url: str, body: bytes) -> None:
    try:
        status = await _status(urlsplit(url), body)
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise NotTaken(f"{place(url)}: {_plainly(error)}", again=True) from None
    if 300 <= status < 400:
        raise NotTaken(f"{place(url)} answered {status}: redirects are not followed", again=False)
    if not 200 <= status < 300:
        raise NotTaken(f"{place(url)} answered {status}", again=status >= 500)


async def _status(parts: SplitResult, body: bytes) -> int:
    context = await asyncio.to_thread(_trust) if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=_LONGEST_LINE)
    try:
        writer.write(_request(parts, len(body)) + body)
        await writer.drain()
        words = (await reader.readline()).split(None, 2)
    finally:
        # Its answer is known: whether it says goodbye does not matter.
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise ValueError("it does not speak HTTP")
    return int(words[1])


def _request(parts: SplitResult, length: int) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {_host(parts)}",
        f"User-Agent: mamctl/{VERSION}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
    ]
    if parts.username is not None:
        owner = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        lines.append(f"Authorization: Basic {b64encode(owner).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Return whom this machine trusts; it takes too long to read for the loop's thread."""
    import ssl

    return ssl.create_default_context()


def _plainly(error: Exception) -> str:
    """Return what went wrong in few words."""
    if why := getattr(error, "verify_message", None):
        return f"its certificate is not trusted: {why}"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()
    text = getattr(error, "strerror", None) or str(error) or "it closed the connection"
    return text[:1].lower() + text[1:]
