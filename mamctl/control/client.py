"""The command line's own client: HTTP/1.1 over the Unix socket by hand, so that `mamctl status` stays quick.

It knows what our own server sends: a status line, headers, and a body with a length or in chunks. Scripts use
`mamctl.Client` (httpx); this one imports nothing that takes time.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING

from mamctl.core.errors import MamctlError, NoSupervisor, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# How long a server that is being replaced may be away before a request gives up.
RETRY_SECONDS = 2.0
CHUNK = 1 << 16


class ApiError(MamctlError):
    """The supervisor refused: `status` is HTTP's, `code` the API's word, `body` the whole answer."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("error", f"HTTP {status}")), body.get("hint"))
        self.status = status
        self.code = str(body.get("code", ""))
        self.body = body
        if status in (400, 404):
            self.exit_code = 2


class Client:
    """Talks to the supervisor behind a control socket."""

    def __init__(self, socket_path: str, *, timeout: float = 10.0) -> None:
        self.socket_path = socket_path
        self.timeout = timeout

    def request(self, method: str, path: str, body: object | None = None, *, timeout: float | None = None) -> Any:
        """Return the JSON answer of one request.

        Raises NoSupervisor when nobody listens, TimedOut after `timeout` seconds, ApiError for a refusal. A mutating
        request carries an id, so that repeating it after a lost connection does it once.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        identity = "" if method == "GET" else f"X-Request-Id: {os.urandom(8).hex()}\r\n"
        request = _request(method, path, payload, identity + "Connection: close\r\n")
        status, answer = self._exchange(request, time.monotonic() + (timeout or self.timeout))
        document = json.loads(answer) if answer else None
        if status >= 400:
            raise ApiError(status, document if isinstance(document, dict) else {})
        return document

    def stream(self, path: str, headers: Mapping[str, str] | None = None) -> Stream:
        """Open a stream of events (SSE) or of records (NDJSON)."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        connection = self._connect(self.timeout)
        connection.sendall(_request("GET", path, b"", extra))
        return Stream(connection, self.timeout)

    def _exchange(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        retry_until = time.monotonic() + RETRY_SECONDS
        lost = False
        while True:
            try:
                return self._once(request, deadline)
            except NoSupervisor:
                if not lost or time.monotonic() > retry_until:
                    raise
            except (ConnectionError, EOFError):
                lost = True
                if time.monotonic() > retry_until:
                    raise _gone(self.socket_path) from None
            time.sleep(0.02)

    def _once(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        with self._connect(max(0.01, deadline - time.monotonic())) as connection:
            try:
                connection.sendall(request)
                data = _read_all(connection, deadline)
            except TimeoutError:
                raise TimedOut("the supervisor did not answer in time", "look at logs/mamctl.log") from None
        return _answer(data)

    def _connect(self, timeout: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(self.socket_path)
        except OSError:
            connection.close()
            raise _gone(self.socket_path) from None
        return connection


class Stream:
    """An endless answer, read as it comes. `fileno` is for select; `read` returns what is complete."""

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._connection = connection
        self._raw = b""
        self._text = b""
        self._chunked = False
        self._head(time.monotonic() + timeout)
        connection.settimeout(0)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._connection.fileno()

    def close(self) -> None:
        """End the stream."""
        self._connection.close()

    def read(self) -> list[dict[str, Any]]:
        """Return the records that are complete, none when there are none yet. Raises EOFError at the end."""
        while True:
            try:
                data = self._connection.recv(CHUNK)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                found = self._take()
                if found:
                    return found
                raise EOFError
            self._raw += data
            if len(data) < CHUNK:
                break
        return self._take()

    def _head(self, deadline: float) -> None:
        while b"\r\n\r\n" not in self._raw:
            self._connection.settimeout(max(0.01, deadline - time.monotonic()))
            data = self._connection.recv(CHUNK)
            if not data:
                raise EOFError
            self._raw += data
        head, _, self._raw = self._raw.partition(b"\r\n\r\n")
        self._chunked = b"transfer-encoding: chunked" in head.lower()
        status = int(head.split(None, 2)[1])
        if status >= 400:
            body = self._take()
            self.close()
            raise ApiError(status, body[0] if body else {})

    def _take(self) -> list[dict[str, Any]]:
        if self._chunked:
            self._raw = _unchunk(self._raw, self._grow)
        else:
            self._text, self._raw = self._text + self._raw, b""
        *lines, self._text = self._text.split(b"\n")
        texts = (line.removeprefix(b"data:").strip() for line in lines if line.startswith((b"data:", b"{")))
        return [json.loads(text) for text in texts if text]

    def _grow(self, data: bytes) -> None:
        self._text += data


def _request(method: str, path: str, payload: bytes, extra: str) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: mamctl\r\nContent-Type: application/json\r\n{extra}"
    return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


def _read_all(connection: socket.socket, deadline: float) -> bytes:
    parts: list[bytes] = []
    while True:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        data = connection.recv(CHUNK)
        if not data:
            return b"".join(parts)
        parts.append(data)


def _answer(data: bytes) -> tuple[int, bytes]:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise EOFError
    status = int(head.split(None, 2)[1])
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
    if length is not None:
        if len(body) < length:
            raise EOFError
        return status, body[:length]
    parts: list[bytes] = []
    _unchunk(body, parts.append)
    return status, b"".join(parts)


def _unchunk(raw: bytes, take: Callable[[bytes], None]) -> bytes:
    """Hand over the complete chunks of a chunked body and return what is left."""
    while True:
        size, found, rest = raw.partition(b"\r\n")
        if not found:
            return raw
        length = int(size.split(b";")[0] or b"0", 16)
        if len(rest) < length + 2:
            return raw
        take(rest[:length])
        raw = rest[length + 2 :]


def _gone(path: str) -> NoSupervisor:
    return NoSupervisor(f"no supervisor answers at {path}", "mamctl up -d starts one")
