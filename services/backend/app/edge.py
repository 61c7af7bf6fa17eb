"""What every request meets first: who may ask, and what every answer carries.

A page on the internet can make its visitor's browser talk to 127.0.0.1: by name (a DNS name that
turns into 127.0.0.1 after the page was loaded), or simply across sites. The Host allow-list
stops the first, the Origin allow-list and the JSON-only bodies the second.
"""

import hmac
import ipaddress
import re
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import error_body
from .native.json_answer import json_answer
from .session_key import opens

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
COOKIE = "mam_token"
"""For what cannot set a header: pictures, players and WebSockets of a browser."""

FOREIGN = frozenset({"cross-site", "same-site"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-site",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}

_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


def knows(headers: Headers, token: str) -> bool:
    """Whether a request carries the token in its header or its cookie, or a cookie that POST /session gave."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return is_same(given.strip(), token)
    # Of several with the name the right one counts: other services of this host can set one beside ours.
    return any(is_same(value, token) or opens(value, token, now=time.time()) for value in _cookies(headers))


def is_same(given: str, token: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), token.encode())


def _cookies(headers: Headers) -> list[str]:
    pairs = (part.partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
    return [value.strip() for name, _, value in pairs if name.strip() == COOKIE]


def is_our_host(header: str | None, hosts: frozenset[str] = HOSTS) -> bool:
    """Whether a Host header names one of ``hosts`` (this machine), with any port or none."""
    match = _HOST.fullmatch(header.lower()) if header else None
    return match is not None and match[1] in hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who is let in."""

    origins: frozenset[str]
    hosts: frozenset[str] = HOSTS
    token: str | None = field(default=None, repr=False)
    open_paths: frozenset[str] = frozenset()
    """Paths that need no token."""

    def has_token(self, headers: Headers, scope: Scope) -> bool:
        """Whether the request carries the token, or needs none."""
        # A browser asks before it sends what it knows: a preflight has no token and tells nothing.
        if self.token is None or scope["path"] in self.open_paths or scope.get("method") == "OPTIONS":
            return True
        return knows(headers, self.token)


class Edge:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, *, rules: Rules) -> None:
        self._app = app
        self._rules = rules

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
        app = _answer_of(refusal) if refusal else self._app
        await app(scope, receive, _guarded(send))

    async def _websocket(self, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        is_known = self._is_ours(headers) and self._rules.has_token(headers, scope)
        if is_known and self._may_connect(headers.get("origin"), scope):
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403

    def _is_ours(self, headers: Headers) -> bool:
        """Whether there is one Host, which is ours: of two, somebody behind or before us may believe the other."""
        return len(headers.getlist("host")) == 1 and is_our_host(headers.get("host"), self._rules.hosts)

    def _may_connect(self, origin: str | None, scope: Scope) -> bool:
        """C15: without an Origin it is no browser; then it has to be on this machine, or to have the token."""
        if origin is None:
            return self._rules.token is not None or _is_loopback(scope)
        return origin in self._rules.origins

    def _refusal(self, headers: Headers, scope: Scope) -> tuple[int, str] | None:
        if not self._is_ours(headers):
            return 421, "this server does not answer to this name; it is not in ALLOWED_HOSTS"
        origin = headers.get("origin")
        if scope["method"] not in READING and origin is not None and origin not in self._rules.origins:
            return 403, "this origin must not change anything here"
        # Browsers tell it beside the Origin, and pages cannot make it up; a form without Origin is stopped by it.
        if scope["method"] not in READING and origin is None and headers.get("sec-fetch-site") in FOREIGN:
            return 403, "another site must not change anything here"
        if not self._rules.has_token(headers, scope):
            return 401, "a token is needed here (Authorization: Bearer)"
        if not scope["query_string"].isascii():
            return 400, "the query must be percent-encoded"
        return None


def _answer_of(refusal: tuple[int, str]) -> ASGIApp:
    status, why = refusal
    return json_answer(error_body(why), status, **({"www-authenticate": "Bearer"} if status == 401 else {}))


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
