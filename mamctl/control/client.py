"""The command line's own client: HTTP/1.1 by hand over a Unix socket or TCP, so that `mamctl status` stays quick.

It knows what our own server sends: a status line, headers, and a body with a length, in chunks, or to the end of the
connection. Scripts use `mamctl.Client` (httpx); this one imports nothing that takes time.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING, TypeVar

from mamctl.control.reach import Reach
from mamctl.core.errors import MamctlError, NoSupervisor, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

T = TypeVar("T")

# How long a server that is being replaced may be away before a request gives up.
RETRY_SECONDS = 2.0
RETRY_PAUSE = 0.02
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
        if status in (401, 403):
            self.exit_code = NoSupervisor.exit_code


class Client:
    """Talks to a supervisor: to the one behind a control socket, or where else it can be reached."""

    def __init__(self, where: str | Reach, *, timeout: float = 10.0) -> None:
        self.reach = Reach(where) if isinstance(where, str) else where
        self.timeout = timeout

    def request(self, method: str, path: str, body: object | None = None, *, timeout: float | None = None) -> Any:
        """Return the JSON answer of one request.

        Raises NoSupervisor when nobody listens, TimedOut after `timeout` seconds, ApiError for a refusal. A mutating
        request carries an id, so that repeating it after a lost connection does it once.
        """
        payload = b"" if body is None else json.dumps(body).encode()
        identity = "" if method == "GET" else f"X-Request-Id: {os.urandom(8).hex()}\r\n"
        request = self._request(method, path, payload, identity + "Connection: close\r\n")
        try:
            status, answer = self._exchange(request, time.monotonic() + (timeout or self.timeout))
            document = json.loads(answer) if answer else None
        except ValueError:
            raise self._stranger() from None
        if status >= 400:
            raise _refusal(status, document)
        return document

    def stream(self, path: str, headers: Mapping[str, str] | None = None) -> Stream:
        """Open a stream of events (SSE) or of records (NDJSON). Raises as `request` does."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        return self._opened(self._request("GET", path, b"", extra), Stream)

    def upgrade(self, path: str, protocol: str, body: object) -> socket.socket:
        """Return a connection that has left HTTP for another protocol, and never waits. Raises as `request` does."""
        extra = f"Connection: Upgrade\r\nUpgrade: {protocol}\r\n"
        return self._opened(self._request("POST", path, json.dumps(body).encode(), extra), _upgraded)

    def _opened(self, request: bytes, make: Callable[[socket.socket, float], T]) -> T:
        connection = self._connect(self.timeout)
        try:
            connection.sendall(request)
            return make(connection, self.timeout)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise _silence() from None
            if isinstance(error, EOFError | OSError):
                raise self._nobody() from None
            if isinstance(error, ValueError):
                raise self._stranger() from None
            raise

    def _exchange(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        give_up: float | None = None
        while True:
            try:
                return self._once(request, deadline)
            except NoSupervisor:
                if give_up is None:
                    raise
            except (ConnectionError, EOFError):
                # It was there a moment ago: perhaps another is taking its place.
                give_up = give_up or time.monotonic() + RETRY_SECONDS
            if time.monotonic() > give_up:
                raise self._nobody()
            time.sleep(RETRY_PAUSE)

    def _once(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        with self._connect(max(0.01, deadline - time.monotonic())) as connection:
            try:
                _send(connection, request)
                reader = _Reader(connection, deadline)
                status, headers = reader.head()
                return status, reader.body(headers)
            except TimeoutError:
                raise _silence() from None

    def _connect(self, timeout: float) -> socket.socket:
        try:
            return self.reach.connect(timeout)
        except OSError as error:
            # A full queue of clients: somebody listens, but does not accept.
            raise _silence() if isinstance(error, BlockingIOError | TimeoutError) else self._nobody() from None

    def _request(self, method: str, path: str, payload: bytes, extra: str) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\n{self.reach.headers}Content-Type: application/json\r\n{extra}"
        return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload

    def _nobody(self) -> NoSupervisor:
        return NoSupervisor(f"no supervisor answers at {self.reach}", self.reach.hint)

    def _stranger(self) -> NoSupervisor:
        hint = "set MAMCTL_HOME to another folder" if self.reach.tcp is None else "is it the right port?"
        return NoSupervisor(f"what answers at {self.reach} is no supervisor", hint)


class Stream:
    """An endless answer, read as it comes. `fileno` is for select; `read` returns what is complete."""

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        reader = _Reader(connection, time.monotonic() + timeout)
        status, headers = reader.head()
        if status >= 400:
            raise _refusal(status, json.loads(reader.body(headers)))
        self._connection = connection
        self._chunks = _Chunks() if _is_chunked(headers) else None
        self._text = b""
        connection.settimeout(0)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._connection.fileno()

    def close(self) -> None:
        """End the stream."""
        self._connection.close()

    def read(self) -> list[dict[str, Any]]:
        """Return the records that are complete, none when there are none yet. Raises EOFError at the end."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                data = self._connection.recv(CHUNK)
            except BlockingIOError:
                return found
            except OSError:
                data = b""
            if not data and not found:
                raise EOFError
            found += self._records(data)
            if len(data) < CHUNK:
                return found

    def _records(self, data: bytes) -> list[dict[str, Any]]:
        self._text += self._chunks.feed(data) if self._chunks else data
        *lines, self._text = self._text.split(b"\n")
        texts = (line.removeprefix(b"data:").strip() for line in lines if line.startswith((b"data:", b"{")))
        return [json.loads(text) for text in texts if text]


class _Reader:
    """Reads one answer up to a deadline; `left` is what came after it.

    Raises TimeoutError, EOFError when it is cut short, ValueError when it is not HTTP.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self.left = b""

    def head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers, lower-case.

        Not a byte more is taken: `select` would not tell of the first records of a stream.
        """
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            end = (head + (seen := self._receive(socket.MSG_PEEK))).find(b"\r\n\r\n")
            head += self._connection.recv(len(seen) if end < 0 else end + 4 - len(head))
        first, *rest = head.decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(first)
        pairs = (line.partition(":") for line in rest if line)
        return int(status[:3]), {name.lower(): value.strip().lower() for name, _, value in pairs}

    def body(self, headers: Mapping[str, str]) -> bytes:
        """Return the whole body."""
        if _is_chunked(headers):
            return self._chunked()
        if "content-length" not in headers:
            return self._rest()
        length = int(headers["content-length"])
        while len(self.left) < length:
            self._more()
        body, self.left = self.left[:length], self.left[length:]
        return body

    def _chunked(self) -> bytes:
        chunks = _Chunks()
        body = b""
        while True:
            body += chunks.feed(self.left)
            self.left = b""
            if chunks.ended:
                return body
            self._more()

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except EOFError:
            return self.left

    def _more(self) -> None:
        self.left += self._receive()

    def _receive(self, flags: int = 0) -> bytes:
        patience = self._deadline - time.monotonic()
        if patience <= 0:
            raise TimeoutError
        self._connection.settimeout(patience)
        data = self._connection.recv(CHUNK, flags)
        if not data:
            raise EOFError
        return data


class _Chunks:
    """Undoes the chunked encoding, however its bytes are cut. `ended` after the last chunk."""

    def __init__(self) -> None:
        self._raw = b""
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come and return what is complete. Raises ValueError for what are no chunks."""
        self._raw += data
        parts: list[bytes] = []
        while not self.ended:
            size, found, rest = self._raw.partition(b"\r\n")
            length = int(size.partition(b";")[0], 16) if found else 0
            if not found or len(rest) < length + 2:
                break
            parts.append(rest[:length])
            self._raw = rest[length + 2 :]
            self.ended = length == 0
        return b"".join(parts)


def _upgraded(connection: socket.socket, timeout: float) -> socket.socket:
    reader = _Reader(connection, time.monotonic() + timeout)
    status, headers = reader.head()
    if status != 101:
        raise _refusal(status, json.loads(reader.body(headers)))
    connection.settimeout(0)
    return connection


def _send(connection: socket.socket, request: bytes) -> None:
    try:
        connection.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        return  # who refuses a request need not read it all; reading tells whether there is an answer


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return "chunked" in headers.get("transfer-encoding", "")


def _refusal(status: int, document: object) -> ApiError:
    return ApiError(status, document if isinstance(document, dict) else {})


def _silence() -> TimedOut:
    return TimedOut("the supervisor did not answer in time", "look at logs/mamctl.log")
