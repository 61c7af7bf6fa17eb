"""People who look at the dashboard: how a browser, which has no token, comes to be let in.

    mamctl dashboard    POST /v1/dashboard         a link: good once, and for a minute
    the browser         GET /dashboard?once=...    the page, with a cookie and a key
    the page            GET /v1/status             shows both

A cookie alone lets nobody in. A browser sends it to every port of a host, so also to each service that is opened in the
same browser; and other pages can make a browser send it. The key lies in the page's own storage, which pages of other
ports cannot read, and goes in a header of its own, which they cannot send.

Both are signed with the token, and nothing is written down: the next supervisor knows them too, and another token ends
them all. Links are remembered in memory only; one that is lost with a supervisor is asked for again.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.control.admission import KEY_HEADER, PATH
from mamctl.control.protocol import Refusal
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mamctl.control.secret import TokenFile

LINK_SECONDS: Final = 60.0
VISIT_SECONDS: Final = 86_400
# Who asks for more links than this at a time loses the oldest.
MOST_LINKS: Final = 16
_DEFAULT_PORT: Final = "80"


class Visit(NamedTuple):
    """What a browser gets in exchange for a link: a Set-Cookie header, and the key for the page."""

    cookie: str
    key: str


class Visitors:
    """Who came by a link. `now` is the wall clock in seconds, `elapsed` one that nobody sets."""

    def __init__(
        self,
        token: TokenFile,
        *,
        now: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._now = now
        self._elapsed = elapsed
        self._links: dict[str, float] = {}

    def link(self) -> str:
        """Return the path of a new link."""
        if len(self._links) >= MOST_LINKS:
            del self._links[next(iter(self._links))]
        once = secrets.token_urlsafe(32)
        self._links[once] = self._elapsed() + LINK_SECONDS
        return f"{PATH}?once={once}"

    def welcome(self, once: str, host: str) -> Visit | None:
        """Use up a link; None when it is none, was used, or is too old. `host` is the request's Host header."""
        deadline = self._links.pop(once, None)
        if deadline is None or self._elapsed() > deadline:
            return None
        ticket = f"{int(self._now()) + VISIT_SECONDS}.{secrets.token_urlsafe(16)}"
        value = f"{ticket}.{self._token.signature(f'dashboard cookie {ticket}')}"
        rules = f"Path=/; HttpOnly; SameSite=Strict; Max-Age={VISIT_SECONDS}"
        return Visit(f"{_cookie_name(host)}={value}; {rules}", self._key(ticket))

    def known(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request has the cookie of a visit that is not over."""
        return self._ticket(headers) is not None

    def require(self, method: str, headers: Mapping[str, str]) -> None:
        """Raise Refusal, or return for a request of the page itself. Its Host and Origin have been looked at."""
        ticket = self._ticket(headers)
        key = headers.get(KEY_HEADER, "")
        if ticket is None or not hmac.compare_digest(key.encode(), self._key(ticket).encode()):
            raise Refusal(401, "unauthorized", "this browser is not signed in", "`mamctl dashboard` makes a new link")
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Refusal(403, "bad_origin", "requests of other web pages are not answered")
        if method != "GET" and "origin" not in headers:
            raise Refusal(403, "bad_origin", "a change by the dashboard must say its Origin")

    def _key(self, ticket: str) -> str:
        return self._token.signature(f"dashboard key {ticket}")

    def _ticket(self, headers: Mapping[str, str]) -> str | None:
        """Return what was signed in the cookie; None when there is none, or when it was not us, or is over."""
        value = _cookies(headers.get("cookie", "")).get(_cookie_name(headers.get("host", "")), "")
        ticket, _, signature = value.rpartition(".")
        try:
            good = hmac.compare_digest(signature.encode(), self._token.signature(f"dashboard cookie {ticket}").encode())
        except MamctlError:
            return None
        return ticket if good and self._now() < int(ticket.partition(".")[0]) else None


def _cookie_name(host: str) -> str:
    """Return a name of its own for each port: cookies do not know ports, and there may be two stacks."""
    port = host.rpartition(":")[2]
    return f"mamctl-{port if port.isdigit() else _DEFAULT_PORT}"


def _cookies(header: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, equals, value in pairs if equals}
