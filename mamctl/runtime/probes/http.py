"""The HTTP probe: one GET over a connection of its own.

No redirects (a 3xx is judged like any status), no proxies, no name server for literal addresses, at most 1 MiB of
body, one deadline over everything.
"""

from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import h11

from mamctl.runtime.probes.connection import connect
from mamctl.runtime.probes.outcome import Outcome, failed_connection, seconds
from mamctl.runtime.probes.stream import HandshakeFailed, Plain, secured
from mamctl.runtime.probes.subset import Json, mismatch

if TYPE_CHECKING:
    import socket
    from urllib.parse import SplitResult

    from mamctl.core.manifest.model import HttpProbe

LARGEST_BODY: Final = 1 << 20
"""Bytes of a body that are read; a larger one holds no answer that a probe may ask for."""

_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


class Target(NamedTuple):
    """A URL taken apart, with the request that is sent for it."""

    host: str
    port: int
    secure: bool
    request: h11.Request


@functools.lru_cache(maxsize=512)
def target(url: str) -> Target:
    """Read a URL; ValueError when it is none."""
    try:
        return _target(urlsplit(url))
    except (ValueError, h11.LocalProtocolError) as error:
        raise ValueError(f"not an http URL: {url}") from error


def _target(parts: SplitResult) -> Target:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(parts.scheme)
    secure = parts.scheme == "https"
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_URL_CHARACTERS)
    headers = [("Host", parts.netloc.rpartition("@")[2]), ("User-Agent", "mamctl"), ("Accept", "*/*")]
    headers.append(("Connection", "close"))
    if parts.username is not None:
        headers.append(("Authorization", _basic(unquote(parts.username), unquote(parts.password or ""))))
    request = h11.Request(method="GET", target=path, headers=headers)
    return Target(parts.hostname, parts.port or (443 if secure else 80), secure, request)


def _basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Answer:
    """What has come so far; kept outside of the exchange, so that a deadline finds it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()
        self.heard = False


async def check(probe: HttpProbe, timeout: float) -> Outcome:  # noqa: ASYNC109 - the deadline becomes the verdict
    """Send the request and judge the answer."""
    answer = Answer()
    try:
        where = target(probe.url)
        async with asyncio.timeout(timeout):
            connection = await connect(where.host, where.port)
            await _exchange(connection, where, answer)
    except TimeoutError:
        return _late(probe, answer, timeout)
    except h11.RemoteProtocolError:
        return _broken(answer)
    except HandshakeFailed as error:
        return Outcome(ok=False, detail=f"the TLS handshake failed: {error}", answered=True)
    except OSError as error:
        return _broken(answer) if answer.heard else failed_connection(error)
    except ValueError as error:
        return Outcome(ok=False, detail=str(error), answered=False)
    return judge(probe, answer)


async def _exchange(connection: socket.socket, where: Target, answer: Answer) -> None:
    with connection:
        stream = await secured(connection, where.host) if where.secure else Plain(connection)
        try:
            http = h11.Connection(h11.CLIENT)
            await stream.send((http.send(where.request) or b"") + (http.send(h11.EndOfMessage()) or b""))
            while not _read_events(http, answer):
                data = await stream.receive()
                answer.heard = answer.heard or bool(data)
                http.receive_data(data)
        finally:
            stream.close()


def _read_events(http: h11.Connection, answer: Answer) -> bool:
    """Take what the parser has; return True when the answer is whole or its body larger than we read."""
    while (event := http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.Response):
            answer.status = event.status_code
        elif isinstance(event, h11.Data):
            answer.body += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return True
        if len(answer.body) > LARGEST_BODY:
            return True
    return False


def judge(probe: HttpProbe, answer: Answer) -> Outcome:
    """Compare an answer with what the probe expects."""
    if answer.status is None:
        return _broken(answer)
    said = f"HTTP {answer.status}"
    if answer.status not in probe.status:
        return Outcome(ok=False, detail=said, answered=True)
    problem = None if probe.json is None else _problem(answer.body, probe.json)
    return Outcome(ok=problem is None, detail=f"{said}, but {problem}" if problem else said, answered=True)


def _problem(body: bytearray, expected: str) -> str | None:
    if len(body) > LARGEST_BODY:
        return "its body is over 1 MiB"
    try:
        return mismatch(_expected(expected), json.loads(bytes(body)))
    except (ValueError, RecursionError):
        return "its body is not JSON"


@functools.lru_cache(maxsize=256)
def _expected(text: str) -> Json:
    value: Json = json.loads(text)
    return value


def _late(probe: HttpProbe, answer: Answer, timeout: float) -> Outcome:
    if answer.status is not None and answer.status not in probe.status:
        return judge(probe, answer)
    if answer.status is not None:
        detail = f"HTTP {answer.status}, but its body did not end within {seconds(timeout)}"
        return Outcome(ok=False, detail=detail, answered=True)
    return Outcome(ok=False, detail=f"no answer within {seconds(timeout)}", answered=answer.heard)


def _broken(answer: Answer) -> Outcome:
    if answer.status is not None:
        return Outcome(ok=False, detail=f"HTTP {answer.status}, but its body broke off", answered=True)
    if answer.heard:
        return Outcome(ok=False, detail="the answer is not HTTP", answered=True)
    return Outcome(ok=False, detail="the connection was closed without an answer", answered=False)
