"""Two hashes of a file: a quick one that makes twins likely, and that of all bytes, which makes them certain."""

import os
from collections.abc import Callable

from blake3 import blake3

EDGE_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024


def quick_hash(descriptor: int) -> str:
    """Return the hash of a file's size and its first and last 64 KiB: 32 hexadecimal digits."""
    size = os.fstat(descriptor).st_size
    mark = blake3(size.to_bytes(8, "little"))
    mark.update(os.pread(descriptor, EDGE_BYTES, 0))
    mark.update(os.pread(descriptor, EDGE_BYTES, max(size - EDGE_BYTES, 0)))
    return mark.hexdigest()[:32]


class Interrupted(Exception):
    """Somebody asked for an end before all bytes were read."""


def content_hash(descriptor: int, *, stopped: Callable[[], bool] = lambda: False) -> str:
    """Return the BLAKE3 hash of all bytes: 64 hexadecimal digits. Memory stays bounded, whatever the size.

    Raises Interrupted soon after ``stopped`` says so.
    """
    mark, at = blake3(), 0
    while piece := os.pread(descriptor, PIECE_BYTES, at):
        if stopped():
            raise Interrupted
        mark.update(piece)
        at += len(piece)
    return mark.hexdigest()
