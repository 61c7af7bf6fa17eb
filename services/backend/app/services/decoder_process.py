"""The decoder process itself: ``python -m services.backend.app.services.decoder_process FD``.

It ends when the backend's side of the socket closes, however the backend ended. Signals that a
terminal or a supervisor sends to the whole group are left to the backend: if we fell first, the
file in hand would look as if it had killed us.
"""

import json
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from . import media, samples
from .decoder import HEADER, MAX_JSON, receive_exactly

MEMORY_BYTES = 3 << 30
WATCHDOG_S = 120


def main() -> int:
    """Serve requests until the backend is gone."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        _confine()
        _answer(connection, {"value": "ready"})
        with suppress(EOFError, ConnectionError):
            while True:
                _serve_one(connection)
    return 0


def _confine() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Not every system knows each limit (macOS has no RLIMIT_AS worth the name).
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        os.nice(5)  # thumbnails wait, people do not


def _serve_one(connection: socket.socket) -> None:
    request, descriptor = _receive_request(connection)
    # Should the backend die while we hang, nobody else would end us.
    signal.alarm(WATCHDOG_S)
    try:
        value, content = _do(request, descriptor)
    except media.Unreadable as error:
        _answer(connection, {"error": str(error)})
    except MemoryError:
        _answer(connection, {"error": "decoding needs more memory than is allowed"})
    except Exception as error:  # noqa: BLE001  whatever a file provokes is an answer about that file
        _answer(connection, {"error": f"the file cannot be decoded ({type(error).__name__})"})
    else:
        _answer(connection, {"value": value}, content)
    finally:
        signal.alarm(0)


def _do(request: dict[str, Any], descriptor: int | None) -> tuple[Any, bytes]:
    if request["do"] == "sample":
        return None, samples.draw(request["sample"])
    assert descriptor is not None, "a request about a file carries the file"
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)  # the position is shared with every other request about this file
        if request["do"] == "describe":
            return media.describe(file, request["demuxer"]), b""
        return None, media.thumbnail(file, request["demuxer"])


def _receive_request(connection: socket.socket) -> tuple[dict[str, Any], int | None]:
    head, descriptors, _, _ = socket.recv_fds(connection, HEADER.size, 1)
    if not head:
        raise EOFError("the backend is gone")
    head += receive_exactly(connection, HEADER.size - len(head))
    size = min(HEADER.unpack(head)[0], MAX_JSON)
    request = json.loads(receive_exactly(connection, size))
    return request, descriptors[0] if descriptors else None


def _answer(connection: socket.socket, message: dict[str, Any], content: bytes = b"") -> None:
    text = json.dumps(message).encode()
    connection.sendall(HEADER.pack(len(text), len(content)) + text)
    if content:
        connection.sendall(content)


if __name__ == "__main__":
    raise SystemExit(main())
