"""The decoder process, as the backend sees it.

A media file may crash the native decoders, hang them or make them eat memory. So they live in a
child process: it gets an open descriptor and never a path, writes nothing to disk, answers within
a deadline or is killed, and is started anew when the next file comes.

Frames on the socket, both ways: two unsigned 32-bit lengths (JSON, bytes), the JSON, the bytes. A
request with a file carries its descriptor along.
"""

import json
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from typing import Any

from services.backend.app.config import REPOSITORY_ROOT

HEADER = struct.Struct(">II")
MAX_JSON = 64 * 1024
MAX_BYTES = 64 * 1024 * 1024
DEADLINE_S = 30.0
START_S = 20.0


class DecodeFailed(Exception):
    """The file cannot be decoded, and would not be the next time either; the text says why."""


class DecoderLost(Exception):
    """The decoder died or hung on the file; another attempt may succeed."""


class DecoderMissing(Exception):
    """The decoder process cannot be started at all; this says nothing about any file."""


class Decoder:
    """A client of one decoder process. One thread uses it; :meth:`close` may come from any."""

    def __init__(self, *, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that decodes, while there is one."""
        return self._process.pid if self._process else None

    def request(self, name: str, *, descriptor: int | None = None, **parameters: Any) -> tuple[Any, bytes]:
        """Have one thing done; returns the answer's JSON value and bytes."""
        connection = self._started()
        connection.settimeout(self._deadline_s)
        try:
            _send(connection, {"do": name, **parameters}, descriptor)
            answer, content = receive(connection)
        except TimeoutError:
            self._discard()
            raise DecoderLost(f"decoding took longer than {self._deadline_s:g} s") from None
        except (OSError, EOFError, ValueError):
            raise DecoderLost(self._epitaph()) from None
        if "error" in answer:
            raise DecodeFailed(answer["error"])
        return answer.get("value"), content

    def close(self) -> None:
        """End the decoder process, also in the middle of a file."""
        self._closed = True
        self._discard()

    def _started(self) -> socket.socket:
        if self._closed:
            raise DecoderMissing("the decoder is closed")
        if self._socket is not None and self._process is not None and self._process.poll() is None:
            return self._socket
        self._discard()
        return self._start()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.backend.app.services.decoder_process", str(theirs.fileno())],
                cwd=REPOSITORY_ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._socket = ours
        ours.settimeout(START_S)
        try:
            receive(ours)  # it greets as soon as its libraries are loaded
        except (OSError, EOFError, ValueError) as error:
            self._discard()
            raise DecoderMissing("the decoder process does not start") from error
        if self._closed:  # close() came while we were starting
            self._discard()
            raise DecoderMissing("the decoder is closed")
        return ours

    def _epitaph(self) -> str:
        """Say how the decoder died, and clear it away."""
        process = self._process
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
        code = process.returncode if process else None
        self._discard()
        if code is not None and code < 0:
            return f"the decoder was ended by signal {-code}"
        return "the decoder stopped in the middle of the file"

    def _discard(self) -> None:
        connection, self._socket = self._socket, None
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=5)
        if connection is not None:
            connection.close()


def _send(connection: socket.socket, message: dict[str, Any], descriptor: int | None) -> None:
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
