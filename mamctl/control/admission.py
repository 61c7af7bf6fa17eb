"""Who may ask. On the Unix socket the kernel has answered that already; over TCP every request must show a token.

A web page that somebody looks at can send requests to our port, too. It has no token; and before that counts, it is
refused for its name: the Host must be ours (a page that lets its own name point here says that name), the Origin, if
there is one, must be the Host itself, and a change must be JSON (see `endpoint`), which no page may send to strangers
unasked. The dashboard's own page is let in by what it got for a link (see `visitors`).

Tools made for supervisord know HTTP Basic only, so on their own paths the token may come as its password. No browser is
ever asked for that: one that has a password for us would add it to whatever any page lets it request.
"""

from __future__ import annotations

import binascii
import socket
from typing import TYPE_CHECKING, Final, Protocol

from mamctl.control.protocol import Refusal
from mamctl.core.manifest.listening import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.secret import TokenFile

# The dashboard's page, and the header by which it shows that a request is its own.
PATH: Final = "/dashboard"
KEY_HEADER: Final = "x-mamctl-dashboard"
# Where tools made for supervisord call, and read logs as they grow (see `xmlrpc`).
RPC: Final = "/RPC2"
TAIL: Final = "/logtail/"
MAIN_TAIL: Final = "/mainlogtail"
OUR_NAMES: Final = frozenset({"mamctl", "localhost", "127.0.0.1", "::1"})


class Admission(Protocol):
    """Lets a request in, or raises Refusal; it has seen only its head, the headers' names in lower case."""

    def __call__(self, headers: Mapping[str, str], method: str = "GET", target: str = "", /) -> None:
        """Raise Refusal, or return."""


def on_our_socket(headers: Mapping[str, str], _method: str = "GET", target: str = "", /) -> None:
    """Let in who reached the Unix socket and means us; `supervisorctl tail -f` has no name for a socket's host."""
    host = headers.get("host", "")
    if _name(host) not in OUR_NAMES and (host or not is_of_tools(target)):
        raise _not_us()


class OverTcp:
    """Lets in who has the token, and those whom it let in. `host` is the address that we listen on."""

    def __init__(self, token: TokenFile, host: str) -> None:
        from mamctl.control.visitors import Visitors

        self.visitors = Visitors(token)
        self._token = token
        self._names = OUR_NAMES | {host.lower()}
        if not is_loopback(host):
            self._names |= {socket.gethostname().lower(), socket.gethostname().partition(".")[0].lower()}

    def __call__(self, headers: Mapping[str, str], method: str = "GET", target: str = "", /) -> None:
        """Raise Refusal, or return."""
        host = headers.get("host", "")
        if _name(host) not in self._names and not _is_address(_name(host)):
            raise _not_us()
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise Refusal(403, "bad_origin", "requests of other web pages are not answered")
        if method in ("GET", "HEAD") and is_page(target.partition("?")[0]):
            return
        if KEY_HEADER in headers and "authorization" not in headers:
            self.visitors.require(method, headers)
            return
        by_password = is_of_tools(target) and not _of_browser(headers)
        self._require_token(headers.get("authorization", ""), by_password=by_password, call=method == "POST")

    def _require_token(self, header: str, *, by_password: bool, call: bool) -> None:
        scheme, _, given = header.partition(" ")
        if scheme.lower() == "bearer" and self._token.matches(given.strip()):
            return
        if by_password and scheme.lower() == "basic" and self._token.matches(_password(given.strip())):
            return
        why = "this token is not the one" if header else "a token is required"
        hint = "send what stands in the supervisor's token_file: Authorization: Bearer, or MAMCTL_TOKEN for `mamctl`"
        if by_password:
            hint = "give what stands in the supervisor's token_file as the password: supervisorctl -u mamctl -p TOKEN"
        # Some clients send a password only when asked. Only calls are asked for one: no page can make a browser send
        # them, and so none learns to.
        challenge = "Basic" if by_password and call else "Bearer"
        raise Refusal(401, "unauthorized", why, hint, (("WWW-Authenticate", f'{challenge} realm="mamctl"'),))


def is_page(path: str) -> bool:
    """Tell whether a path is that of the dashboard or of one of its files."""
    return path == PATH or path.startswith(f"{PATH}/")


def is_of_tools(target: str) -> bool:
    """Tell whether a request is one of those that tools made for supervisord send."""
    path = target.partition("?")[0]
    return path.rstrip("/") in (RPC, MAIN_TAIL) or path.startswith(TAIL)


def is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether a body says that it is JSON."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _of_browser(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser sent it: each of them adds one of these, at least to a POST."""
    return "origin" in headers or "sec-fetch-site" in headers


def _password(given: str) -> str:
    """Return the password of HTTP Basic; the user may have any name."""
    try:
        return binascii.a2b_base64(given, strict_mode=True).partition(b":")[2].decode()
    except ValueError:
        return ""


def _not_us() -> Refusal:
    return Refusal(400, "bad_host", "the Host header names somebody else")


def _name(header: str) -> str:
    """Return the name in a Host header: without its port, and without the brackets of IPv6."""
    name = header if header.endswith("]") else header.rpartition(":")[0] or header
    return name.removeprefix("[").removesuffix("]").lower()


def _is_address(name: str) -> bool:
    """Tell whether a name is an address: nobody else's name can be made to point here by that."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):
            continue
        return True
    return False
