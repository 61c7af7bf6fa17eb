"""Where a key stands in a TOML text: by its table's header and its line, as well as that can be told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .documents import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.manifest.findings import Path

_HEADER: Final = re.compile(r"\s*\[\[?(?P<name>[^\]]+)\]")
_PAIR: Final = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def place(text: str, path: Path) -> Place:
    """Return the line whose table and key match the most of a key path."""
    best = Place(0, 1, 1)
    for keys, line, column in _lines(text):
        matched = _common(keys, path)
        if matched > best.matched and matched == len(keys):
            best = Place(matched, line, column)
    return best


def _lines(text: str) -> Iterator[tuple[list[str], int, int]]:
    """Yield for each header and each pair its whole key, and its place."""
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _keys(header["name"])
            yield table, number, header.start("name") + 1
        elif pair := _PAIR.match(line):
            yield table + _keys(pair["name"]), number, pair.start("name") + 1


def _keys(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(name)]


def _common(keys: list[str], path: Path) -> int:
    count = 0
    for key, part in zip(keys, path, strict=False):
        if key != part:
            break
        count += 1
    return count
