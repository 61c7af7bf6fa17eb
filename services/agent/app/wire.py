"""One HTTP request to the model server in which every wait has a limit and can be given up.

Ordinary clients have one timeout for each read; here the first byte, the silence between bytes and the whole exchange
are limited apart, and a client that hung up or a service that stops ends the exchange within half a second. That needs
the socket itself, so h11 speaks the protocol and this module does the waiting.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_UP_S = 0.25  # how often a wait looks up to see whether it is still wanted
MAX_REPLY = 8 << 20


class WireError(Exception):
    """The exchange failed; `stage` is where: connect, first_token, idle, total, broken or cancelled."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage

    @property
    def timed_out(self) -> bool:
        """Whether a limit ended the exchange, rather than the other side."""
        return self.stage in ("first_token", "idle", "total")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to connect, until the first byte of the body, between two bytes, and for everything."""

    connect: float
    first: float
    idle: float
    total: float


@dataclass(frozen=True, slots=True)
class Call:
    """What to send. A body makes it a POST."""

    url: str
    body: bytes = b""
    token: str = ""

    def head(self) -> h11.Request:
        """Return the request line and headers; one request a connection, so nothing is left behind in it."""
        parts = urlsplit(self.url)
        headers = [("Host", parts.netloc), ("Connection", "close"), ("Accept", "application/json, text/event-stream")]
        if self.token:
            headers.append(("Authorization", f"Bearer {self.token}"))
        if self.body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]
        return h11.Request(method="POST" if self.body else "GET", target=parts.path or "/", headers=headers)


class Exchange:
    """A request on its way: `status` and `headers` are known on return of `open`, the body comes by `chunks`."""

    def __init__(self, sock: socket.socket, limits: Limits, cancelled: Callable[[], bool], end: float) -> None:
        self._sock = sock
        self._limits = limits
        self._cancelled = cancelled
        self._end = end
        self._http = h11.Connection(h11.CLIENT)
        self._first_seen = False
        self._quiet_since = time.monotonic()
        self.status = 0
        self.headers: dict[str, str] = {}

    @classmethod
    def open(cls, call: Call, limits: Limits, cancelled: Callable[[], bool]) -> Exchange:
        """Send `call` and wait for the answer's head; raise WireError."""
        end = time.monotonic() + limits.total
        exchange = cls(_connect(call.url, limits.connect), limits, cancelled, end)
        try:
            exchange._send(call)
            exchange._read_head()
        except BaseException:
            exchange.close()
            raise
        return exchange

    def close(self) -> None:
        """Hang up; a model server stops generating when it sees that."""
        self._sock.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes, at most MAX_REPLY bytes of it; close the exchange at the end."""
        size = 0
        with closing(self):
            while not isinstance(event := self._next(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    continue
                self._first_seen = True
                size += len(event.data)
                if size > MAX_REPLY:
                    raise WireError("broken", f"the answer is over {MAX_REPLY} bytes")
                yield bytes(event.data)

    def body(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.chunks())

    def _send(self, call: Call) -> None:
        data = self._http.send(call.head()) or b""
        if call.body:
            data += self._http.send(h11.Data(data=call.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._sock.settimeout(self._limits.idle)
        try:
            self._sock.sendall(data)
        except TimeoutError as error:
            raise WireError("first_token", "the model server takes no request") from error
        except OSError as error:
            raise WireError("broken", f"the request was cut off: {error.strerror}") from error

    def _read_head(self) -> None:
        while not isinstance(event := self._next(), h11.Response):
            pass
        self.status = event.status_code
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}

    def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(self._receive())
        except h11.RemoteProtocolError as error:
            raise WireError("broken", f"the answer is no HTTP or was cut off: {error}") from error
        return event

    def _receive(self) -> bytes:
        """Wait for bytes, in short steps so that a cancelled exchange is noticed."""
        stage, patience = ("idle", self._limits.idle) if self._first_seen else ("first_token", self._limits.first)
        quiet_until = self._quiet_since + patience
        until, stage = (self._end, "total") if self._end < quiet_until else (quiet_until, stage)
        while (left := until - time.monotonic()) > 0:
            if self._cancelled():
                raise WireError("cancelled", "the answer is no longer wanted")
            self._sock.settimeout(min(left, LOOK_UP_S))
            try:
                data = self._sock.recv(65_536)
            except TimeoutError:
                continue
            except OSError as error:
                raise WireError("broken", f"the connection broke: {error.strerror}") from error
            self._quiet_since = time.monotonic()
            return data
        raise WireError(stage, f"no byte came in time ({stage})")


def _connect(url: str, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        sock = socket.create_connection((host, port), timeout)
    except OSError as error:
        raise WireError("connect", error.strerror or str(error)) from error
    if parts.scheme != "https":
        return sock
    try:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise WireError("connect", error.strerror or str(error)) from error
