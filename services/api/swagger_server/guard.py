"""The outermost layer: whom the server answers, and the headers that every answer carries.

A page on the internet can make a browser send requests to a loopback port under the page's own name
(DNS rebinding). The name stands in the Host header, so only loopback names are answered.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from swagger_server.credentials import carried_by
from swagger_server.errors import ApiError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)

# Swagger UI's page has an inline script and style; everything else must come from this server.
CONTENT_SECURITY_POLICY = (
    b"default-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
]

STRANGE_HOST = ApiError(
    403,
    "HOST_NOT_ALLOWED",
    "this server answers only to 127.0.0.1, localhost and [::1]",
    "use http://127.0.0.1 with the port of this service",
)


class Guard:
    """ASGI middleware: refuse strange Host headers, add the security headers to every answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403 when its Host is not a loopback name."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not _is_for_loopback(scope["headers"]):
            await _refuse(_with_headers(send))
            return
        with carried_by(scope["headers"]):
            await self._app(scope, receive, _with_headers(send))


def _is_for_loopback(headers: list[tuple[bytes, bytes]]) -> bool:
    hosts = [value for name, value in headers if name == b"host"]
    return len(hosts) == 1 and LOOPBACK_HOST.fullmatch(hosts[0]) is not None


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return wrapped


async def _refuse(send: Send) -> None:
    body = json.dumps(STRANGE_HOST.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": STRANGE_HOST.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
