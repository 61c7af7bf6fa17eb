"""Frames on a decoder's socket: two unsigned 32-bit lengths (JSON, bytes), the JSON, the bytes.

A request with a file carries the file's descriptor along.
"""

import json
import socket
import struct
from typing import Any

HEADER = struct.Struct(">II")
MAX_JSON = 64 * 1024
MAX_BYTES = 64 * 1024 * 1024


def send(connection: socket.socket, message: dict[str, Any], descriptor: int | None) -> None:
    """Send a request, with the descriptor if there is one."""
    text = json.dumps(message).encode()
    frame = HEADER.pack(len(text), 0) + text
    descriptors = [] if descriptor is None else [descriptor]
    # The descriptor rides on the first bytes; a request is far smaller than a socket's buffer.
    sent = socket.send_fds(connection, [frame], descriptors)
    connection.sendall(frame[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read one frame. Raises EOFError when the other side is gone, ValueError for nonsense."""
    json_size, byte_size = HEADER.unpack(receive_exactly(connection, HEADER.size))
    if json_size > MAX_JSON or byte_size > MAX_BYTES:
        raise ValueError("the frame is too large")
    message = json.loads(receive_exactly(connection, json_size))
    if not isinstance(message, dict):
        raise ValueError("the frame is no object")  # noqa: TRY004  nonsense of any kind is one error here
    return message, receive_exactly(connection, byte_size)


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """Read ``size`` bytes, or raise EOFError."""
    content = bytearray()
    while len(content) < size:
        piece = connection.recv(min(size - len(content), 1 << 20))
        if not piece:
            raise EOFError("the other side is gone")
        content += piece
    return bytes(content)
