"""The http step: one request by httpx, as a user's program would make it, but never through a proxy."""

from __future__ import annotations

import json
import ssl
import time
from typing import TYPE_CHECKING, Final

from mamctl.runtime.smoke.answer import Answer
from mamctl.runtime.smoke.limit import unreachable, within
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from mamctl.core.manifest.steps import HttpAction
    from mamctl.runtime.smoke.saved import Saved

LARGEST: Final = 4 << 20
"""Bytes of a body that are looked at; a film has more, and its beginning is enough."""

AGENT: Final = f"mamctl/{VERSION}"


async def request(action: HttpAction, saved: Saved, limit: float) -> Answer:
    """Make the request and return the whole answer, of a stream of events only its head. Raises Shortfall."""
    import httpx

    url = saved.text(action.url)
    try:
        async with within(limit, "no answer"):
            return await _asked(action, url, saved)
    except httpx.InvalidURL as error:
        raise Shortfall(f"{url} is not a URL: {error}") from None
    except httpx.HTTPError as error:
        raise _explained(error, url) from None


async def _asked(action: HttpAction, url: str, saved: Saved) -> Answer:
    import httpx

    headers = {"User-Agent": AGENT} | {name: saved.text(value) for name, value in action.headers}
    body = None if action.body is None else saved.text(action.body)
    if action.json is not None:
        body = json.dumps(saved.value(action.json))
        headers = {"Content-Type": "application/json"} | headers
    # The system's certificates take 20 ms to read, and plain requests need none; this context trusts nobody.
    plain = url.startswith("http:") and not action.redirects
    trusting: ssl.SSLContext | bool = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True
    client = httpx.AsyncClient(
        verify=trusting,
        trust_env=False,
        timeout=None,  # noqa: S113 - `within` bounds all of it
        follow_redirects=action.redirects,
    )
    async with client:
        began = time.monotonic()
        content = None if body is None else body.encode()
        async with client.stream(action.method, url, headers=headers, content=content) as response:
            data = await _body(response)
        return Answer(
            time.monotonic() - began,
            _text(data, response.charset_encoding),
            response.status_code,
            tuple((name.lower(), value) for name, value in response.headers.multi_items()),
        )


async def _body(response: httpx.Response) -> bytes:
    if "text/event-stream" in response.headers.get("content-type", ""):
        return b""
    data = b""
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) >= LARGEST:
            break
    return data[:LARGEST]


def _text(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _explained(error: httpx.HTTPError, url: str) -> Shortfall:
    """Say what went wrong; the reason of a failed connection is the system's own, deep inside."""
    causes = list(_causes(error))
    if not any(isinstance(cause, ssl.SSLError) for cause in causes):
        for cause in reversed(causes):
            if isinstance(cause, OSError):
                return unreachable(cause, url)
    return Shortfall(f"{url} cannot be asked: {excerpt(str(error)) or type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
