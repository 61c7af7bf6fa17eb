"""What a step of `mamctl smoke` does: its texts with references told, checked for what can never work."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .findings import Invalid
from .forms import TCP_HINT
from .interpolation import resolve, resolve_all
from .steps import LATER, HttpAction, TcpAction, WebSocketAction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .interpolation import Tell
    from .step_fields import HttpWish, WebSocketWish


def http(wish: HttpWish, tell: Tell) -> HttpAction:
    """Return a request. Raises `Invalid`."""
    url = _url(wish.url, tell, ("http", "https"))
    body = None if wish.body is None else resolve(wish.body, tell)
    return HttpAction(
        url, wish.method, _headers(wish.headers, tell), canonical(wish.json, tell), body, redirects=wish.redirects
    )


def websocket(wish: WebSocketWish, tell: Tell) -> WebSocketAction:
    """Return a message and what to wait for. Raises `Invalid`."""
    url = None
    if wish.kept is None:
        url = _url(wish.url, tell, ("ws", "wss", "http", "https"))
        url = f"ws{url.removeprefix('http')}" if url.startswith("http") else url
    expect = canonical(wish.expect, tell)
    if isinstance(wish.expect, str):
        pattern(resolve(wish.expect, tell))
    return WebSocketAction(url, _headers(wish.headers, tell), canonical(wish.send, tell), expect, wish.keep, wish.kept)


def _headers(headers: Mapping[str, str], tell: Tell) -> tuple[tuple[str, str], ...]:
    return tuple((name, resolve(value, tell)) for name, value in headers.items())


def canonical(value: object, tell: Tell) -> str | None:
    """Return a value as canonical JSON, None for none. Raises `Invalid`."""
    if value is None:
        return None
    try:
        if r"\u0000" in json.dumps(value):
            raise Invalid("json holds a NUL, which marks what is filled in", "leave it out")
        return json.dumps(resolve_all(value, tell), sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise Invalid("json holds a number that JSON does not have") from error


def _url(written: str | None, tell: Tell, schemes: tuple[str, ...]) -> str:
    if written is None:
        raise Invalid("url is missing", f"write url: {schemes[0]}://127.0.0.1:5001/path")
    url = resolve(written, tell)
    # What is filled in later may be a host, a port, or all of a path.
    good = url.startswith("\0") or any(_is_url(LATER.sub(stand_in, url), schemes) for stand_in in ("1", ""))
    plain = LATER.sub("1", url)
    if not good or any(letter <= " " for letter in plain):
        raise Invalid(f"{plain!r} is not a URL", f"write {schemes[0]}://127.0.0.1:5001/path, spaces as %20")
    return url


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.scheme in schemes and parts.hostname and (parts.port or 0) >= 0)
    except ValueError:
        return False


def tcp(written: str, tell: Tell) -> TcpAction:
    """Return whom to connect to. Raises `Invalid`."""
    address = resolve(written, tell)
    host, _, number = LATER.sub("1", address).rpartition(":")
    if not host or not (number.isascii() and number.isdigit() and int(number[:9]) <= 65535):
        raise Invalid(f"{LATER.sub('1', address)!r} is not an address", TCP_HINT)
    return TcpAction(address)


def local_port(address: str) -> int:
    """Return the port of an address or a URL on this machine; 0: none."""
    found = re.search(r"^(?:\w+://)?(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})(?:/|\?|$)", address)
    return int(found[1]) if found else 0


def pattern(written: str) -> str:
    """Return a regular expression as it is written. Raises `Invalid`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(LATER.sub("x", written))
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"is not a regular expression: {error}", r"write \( for a plain parenthesis") from error
    return written
