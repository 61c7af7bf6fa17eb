"""How brain and guardian talk: lines of JSON over a stream socket, descriptors beside them.

Only the standard library, and little of it: the guardian is made of this. So `_socket` in place of `socket`, which
would take half a megabyte more, in each guardian on the machine.
"""

from __future__ import annotations

import _socket
import json
import os
from array import array
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = dict[str, Any]

# The kernel takes 253 descriptors in one message.
BATCH = 200
_LARGEST = 1 << 16
_CLOEXEC = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)
_WORD = array("i").itemsize


class Wire:
    """Lines of JSON over a stream socket, each with the descriptors that belong to it."""

    def __init__(self, end: _socket.socket) -> None:
        self.socket = end
        self._data = b""
        self._descriptors: deque[int] = deque()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send one message. Raises OSError when nobody is there."""
        data = json.dumps({**message, "fds": len(descriptors)}).encode() + b"\n"
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", descriptors))]
        sent = self.socket.sendmsg([data], rights) if descriptors else 0
        if sent < len(data):
            # Not for nothing: who has read it all may be gone by now, and that is no error.
            self.socket.sendall(data[sent:])

    def receive(self) -> list[tuple[Message, list[int]]] | None:
        """Return the whole messages that came, waiting for some bytes; None once the other end is closed."""
        try:
            data, attached, _, _ = self.socket.recvmsg(_LARGEST, _socket.CMSG_LEN((BATCH + 8) * _WORD), _CLOEXEC)
        except ConnectionResetError:
            return None
        for level, kind, rights in attached:
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
                self._descriptors.extend(array("i", rights[: len(rights) // _WORD * _WORD]))
        if not data:
            return None
        *lines, self._data = (self._data + data).split(b"\n")
        found = []
        for line in lines:
            try:
                message = json.loads(line)
                found.append((message, [self._descriptors.popleft() for _ in range(message["fds"])]))
            except (ValueError, LookupError, TypeError):
                if not found:
                    raise
                self._data = line + b"\n"  # what came before it counts; next time it is met again
                break
        return found

    def close(self) -> None:
        """Close the socket, and the descriptors of a message that never became whole."""
        self.socket.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())


def accepted(listener: _socket.socket) -> _socket.socket:
    """Return the next client of a listening socket."""
    descriptor, _ = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what `socket.accept` calls
    return _socket.socket(fileno=descriptor)
