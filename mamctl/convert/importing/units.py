"""systemd's unit files as values: each key holds the list of its assignments, for most keys may be written again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.core.errors import Problem

_SECTION: Final = re.compile(r"\[([^\]]+)\]")


def add(text: str, shown: str, root: Value) -> None:
    """Add what a unit file or a drop-in says to a unit; an empty assignment takes back those before it."""
    section: Value | None = None
    problems: list[Problem] = []
    for number, line in _lines(text):
        found = _SECTION.fullmatch(line)
        key, equals, rest = line.partition("=")
        if found:
            assert root.pairs is not None
            section = root.pairs.setdefault(found[1], Value(number, shown, path=found[1], pairs={}))
        elif section is None or not equals or not key.strip():
            problems.append(refuse(shown, number, "is no KEY=VALUE of a section"))
        else:
            _assign(section, key.strip(), Value(number, shown, text=rest.strip()))
    if problems:
        raise Unreadable("a unit of systemd", tuple(problems))


def _assign(section: Value, key: str, value: Value) -> None:
    assert section.pairs is not None
    entry = section.pairs.get(key)
    if entry is None or entry.items is None:
        entry = section.pairs[key] = Value(value.line, value.file, f"{section.path}.{key}", items=[])
    value.path = entry.path
    assert entry.items is not None
    if value.text:
        entry.items.append(value)
        entry.line, entry.file = value.line, value.file
        return
    for before in entry.items:
        before.seen = True
    entry.items.clear()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; one that ends in a backslash goes on in the next one that is no comment."""
    first, open_line = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            if open_line and not line:
                yield first, open_line.strip()
                open_line = ""
            continue
        first = first if open_line else number
        open_line += line
        if line.endswith("\\"):
            open_line = f"{open_line[:-1]} "
            continue
        yield first, open_line
        open_line = ""
    if open_line.strip():
        yield first, open_line.strip()


def last(value: Value) -> Value:
    """Return the assignment that counts, and mark it; those before it have no effect there either."""
    value.seen = True
    items = value.items or []
    for item in items:
        item.seen = True
    return items[-1] if items else Value(value.line, value.file, value.path, "")
