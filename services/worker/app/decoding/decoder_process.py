"""The decoder process itself: ``python -m services.worker.app.decoding.decoder_process FD``.

It ends when the worker's side of the socket closes, however the worker ended.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from io import BytesIO
from typing import Any

from PIL import Image

from . import heif, media, samples
from .confinement import allow_cpu, limit, seal
from .frames import HEADER, MAX_JSON, receive_exactly
from .unreadable import Unreadable

CPU_S = 60
WATCHDOG_S = 120
WARMED = {"JPEG": "L", "PNG": "P", "GIF": "P", "WEBP": "RGB", "AVIF": "RGB"}


def main() -> int:
    """Serve requests until the worker is gone."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        limit()
        _warm_up()
        _answer(connection, {"value": {"sealed": seal()}})
        with suppress(EOFError, ConnectionError):
            while True:
                _serve_one(connection)
    return 0


def _warm_up() -> None:
    """Use every part once: what Python and the libraries load at first use cannot be loaded later."""
    Image.init()
    for name, mode in WARMED.items():
        if name not in Image.SAVE:
            continue  # this Pillow was built without
        drawn = BytesIO()
        Image.new(mode, (2, 2)).save(drawn, name)
        media.describe(drawn, name)
        media.thumbnail(drawn, name)
    for name in ("describe", "thumbnail"):
        media.REQUESTS[name](BytesIO(heif.TINY), "HEIF")
    clip = BytesIO(samples.tiny())
    for work in media.REQUESTS.values():
        clip.seek(0)
        work(clip, "mov")
    for head, demuxer in ((b"RIFF\0\0\0\0AVI ", "avi"), (b"\x1a\x45\xdf\xa3", "matroska")):
        with suppress(Unreadable):
            media.describe(BytesIO(head), demuxer)
    "".encode("idna")  # loaded lazily by nothing that we want, but by error texts of some versions


def _serve_one(connection: socket.socket) -> None:
    request, descriptor = _receive_request(connection)
    # Should the worker die while we hang, nobody else would end us.
    signal.alarm(WATCHDOG_S)
    allow_cpu(CPU_S)
    try:
        value, content = _do(request, descriptor)
    except Unreadable as error:
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
        return media.REQUESTS[request["do"]](file, request["demuxer"])


def _receive_request(connection: socket.socket) -> tuple[dict[str, Any], int | None]:
    head, descriptors, _, _ = socket.recv_fds(connection, HEADER.size, 1)
    if not head:
        raise EOFError("the worker is gone")
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
