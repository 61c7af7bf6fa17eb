"""Server-sent events, as far as they are used here: `event:` and `data:` lines, and an empty line that ends each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def read(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event; comments, names and ids are skipped. Bytes that are no UTF-8 are replaced."""
    data: list[str] = []
    for line in _lines(chunks):
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        if not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def write(event: str, data: Mapping[str, Any]) -> bytes:
    """Return one event as bytes."""
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r").decode("utf-8", "replace")
    if rest:
        yield rest.rstrip(b"\r").decode("utf-8", "replace")
