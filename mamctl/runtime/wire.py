"""How brain and guardian talk: lines of JSON over a stream socket, descriptors beside them.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import json
import socket
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = dict[str, Any]

# The kernel takes 253 descriptors in one message.
BATCH = 200
_LARGEST = 1 << 16
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Wire:
    """Lines of JSON over a stream socket, each with the descriptors that belong to it."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._data = b""
        self._descriptors: deque[int] = deque()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send one message. Raises OSError when nobody is there."""
        data = json.dumps({**message, "fds": len(descriptors)}).encode() + b"\n"
        sent = socket.send_fds(self.socket, [data], descriptors) if descriptors else 0
        self.socket.sendall(data[sent:])

    def receive(self) -> list[tuple[Message, list[int]]] | None:
        """Return the whole messages that came, waiting for some bytes; None once the other end is closed."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.socket, _LARGEST, BATCH + 8, _CLOEXEC)
        except ConnectionResetError:
            return None
        self._descriptors.extend(descriptors)
        if not data:
            return None
        *lines, self._data = (self._data + data).split(b"\n")
        found = [json.loads(line) for line in lines]
        return [(message, [self._descriptors.popleft() for _ in range(message["fds"])]) for message in found]
