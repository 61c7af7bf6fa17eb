"""What every request meets first: who may ask, and what every answer carries.

A page on the internet can make its visitor's browser talk to 127.0.0.1: by name (a DNS name that
turns into 127.0.0.1 after the page was loaded), or simply across sites. The Host allow-list
stops the first, the Origin allow-list and the JSON-only bodies the second.
"""

import ipaddress
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import error_body
from .native.json_answer import json_answer

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
FOREIGN = frozenset({"cross-site", "same-site"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-site",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def is_our_host(header: str | None) -> bool:
    """Whether a Host header names this machine, with any port or none."""
    match = _HOST.fullmatch(header.lower()) if header else None
    return match is not None and match[1] in HOSTS


class Edge:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, *, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the security headers."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            await self._websocket(headers, scope, receive, send)
            return
        refusal = self._refusal(headers, scope)
        app = json_answer(error_body(refusal[1]), refusal[0]) if refusal else self._app
        await app(scope, receive, _guarded(send))

    async def _websocket(self, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        if is_our_host(headers.get("host")) and self._may_connect(headers.get("origin"), scope):
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403

    def _may_connect(self, origin: str | None, scope: Scope) -> bool:
        """C15: without an Origin it is no browser; then it has to be on this machine."""
        if origin is None:
            return _is_loopback(scope)
        return origin in self._origins

    def _refusal(self, headers: Headers, scope: Scope) -> tuple[int, str] | None:
        if len(headers.getlist("host")) != 1 or not is_our_host(headers.get("host")):
            return 421, "this server answers to 127.0.0.1 and localhost only"
        origin = headers.get("origin")
        if scope["method"] not in READING and origin is not None and origin not in self._origins:
            return 403, "this origin must not change anything here"
        # Browsers tell it beside the Origin, and pages cannot make it up; a form without Origin is stopped by it.
        if scope["method"] not in READING and origin is None and headers.get("sec-fetch-site") in FOREIGN:
            return 403, "another site must not change anything here"
        if not scope["query_string"].isascii():
            return 400, "the query must be percent-encoded"
        return None


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if "origin" not in headers.get("vary", "").lower():
                headers.add_vary_header("Origin")
        await send(message)

    return guarded
