"""How long a client may take to say what it wants, and how much it may say before that.

uvicorn waits for ever for the rest of a request, and takes headers of any size. Each half of a request holds a
connection, and one whose body does not come holds one of the threads that everybody else needs.
"""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .errors import error_body

HEAD_BYTES = 64 * 1024
HEAD_S = 20.0
"""From the first byte of a request, or from the connection, to the end of its headers."""

BODY_S = 60.0
"""Of silence, while there is more of the body to come and somebody reads it."""

LOOK_EVERY_S = 5.0
REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, within these bounds; what cannot be parsed gets the API's own error body."""

    _NOTHING, _HEAD, _BODY = "nothing", "head", "body"
    _waits_for = _NOTHING
    _since = 0.0
    _heard = 0.0
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at the clock."""
        super().connection_made(transport)
        self._await_head()
        self._timer = self.loop.call_later(LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and count those of headers that are not whole."""
        self._heard = self.loop.time()
        super().data_received(data)
        if self._waits_for != self._HEAD:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"the headers are larger than {HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Note that its body comes next."""
        self._waits_for, self._head_bytes = self._BODY, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that it is whole."""
        self._waits_for = self._NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg.rstrip(".").lower().replace("http", "HTTP"))

    def _await_head(self) -> None:
        self._waits_for, self._since = self._HEAD, self.loop.time()

    def _look(self) -> None:
        # A WebSocket has taken the connection over: it has deadlines of its own.
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        now = self.loop.time()
        if self._waits_for == self._HEAD and now - self._since > HEAD_S:
            self._refuse(408, f"the request did not come within {HEAD_S:g} s")
            return
        if self._waits_for == self._BODY and now - self._heard > BODY_S and not self.flow.read_paused:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(LOOK_EVERY_S, self._look)

    def _refuse(self, status: int, why: str) -> None:
        body = json.dumps(error_body(why)).encode("ascii")
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
