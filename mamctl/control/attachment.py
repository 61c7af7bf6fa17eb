"""The client's end of an attached connection: frames in, what is typed out, and neither ever waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mamctl.control import frames

if TYPE_CHECKING:
    from typing import Any

    from mamctl.control.client import Client

READ: Final = 1 << 16
# More than this is not taken from who types, until the service has taken some.
ENOUGH: Final = 1 << 15


class Attachment:
    """A service's terminal, attached. Raises what `Client.request` does: among them ApiError for one without any."""

    def __init__(self, client: Client, service: str, body: dict[str, Any]) -> None:
        path = f"/v1/services/{quote(service, safe='')}/attach"
        self._connection = client.upgrade(path, frames.PROTOCOL, body)
        self._frames = frames.Frames(frames.DATA + frames.NOTE)
        self._out = bytearray()

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._connection.fileno()

    @property
    def pending(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._out)

    @property
    def full(self) -> bool:
        """Whether nothing more should be typed before some of it was sent."""
        return len(self._out) > ENOUGH

    def type(self, data: bytes) -> None:
        """Send what was typed."""
        self._send(frames.data(data) if data else b"")

    def resize(self, rows: int, columns: int) -> None:
        """Tell the size of our terminal."""
        self._send(frames.size(rows, columns))

    def push(self) -> None:
        """Send as much of what waits as goes. A connection that is gone is noticed when reading."""
        try:
            while self._out:
                del self._out[: self._connection.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()

    def receive(self) -> list[frames.Frame]:
        """Return the frames that are complete. Raises EOFError at the end, and for what is no frame."""
        try:
            received = self._connection.recv(READ)
        except BlockingIOError:
            return []
        except OSError:
            received = b""
        if not received:
            raise EOFError
        try:
            return list(self._frames.feed(received))
        except ValueError:
            raise EOFError from None

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _send(self, data: bytes) -> None:
        self._out += data
        self.push()
