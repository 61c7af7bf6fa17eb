"""What a foreign file says, each value with its line, and whether somebody has made use of it.

This is how nothing is dropped silently: a rule that represents a value marks it as seen, and what nobody has seen at
the end is reported. A rule that cannot represent a value says why, and takes its mark back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Unfit(Exception):
    """A value that cannot be represented. The text says why and what to do; it never holds the value."""


@dataclass(slots=True, eq=False)
class Value:
    """A scalar (`text` as it was written), a map (`pairs`), a list (`items`), or null (none of the three)."""

    line: int
    file: str = ""
    path: str = ""
    text: str | None = None
    pairs: dict[str, Value] | None = None
    items: list[Value] | None = None
    seen: bool = False
    why: str = ""

    @property
    def null(self) -> bool:
        """Whether there is nothing."""
        return self.text is None and self.pairs is None and self.items is None

    def get(self, key: str) -> Value | None:
        """Return the value of a map's key, unmarked."""
        return (self.pairs or {}).get(key)

    def children(self) -> list[Value]:
        """Return what is directly inside."""
        return [*(self.pairs or {}).values(), *(self.items or ())]

    def leave(self, why: str) -> None:
        """Say that this is not represented, and why."""
        self.seen = False
        self.why = why

    def moved(self, line: int) -> Value:
        """Return the same value as it stands in another line: what an alias repeats."""
        return Value(line, self.file, "", self.text, self.pairs, self.items)


def name_paths(root: Value) -> None:
    """Give every value the path by which people find it; what several places share has that of the first."""
    open_values, known = [root], {id(root)}
    while open_values:
        value = open_values.pop()
        named = [(key, child) for key, child in (value.pairs or {}).items()]
        named += [(f"[{index}]", child) for index, child in enumerate(value.items or ())]
        for part, child in named:
            if id(child) in known:
                continue
            known.add(id(child))
            child.path = f"{value.path}{part}" if part.startswith("[") and value.path else f"{value.path}.{part}"
            child.path = child.path.removeprefix(".")
            open_values.append(child)


def take_all(root: Value) -> None:
    """Mark a value and all that is in it as seen."""
    for value in _walk(root):
        value.seen = True


def leftovers(root: Value) -> Iterator[Value]:
    """Yield what nobody has seen; a whole map or list when nobody has looked into it. In the order of the file."""
    open_values, known = [root], set[int]()
    while open_values:
        value = open_values.pop()
        if id(value) in known:
            continue
        known.add(id(value))
        if not value.seen:
            yield value
            continue
        open_values += reversed(value.children())


def parts(root: Value) -> Iterator[Value]:
    """Yield all that is inside of a value."""
    return (value for value in _walk(root) if value is not root)


def _walk(root: Value) -> Iterator[Value]:
    open_values, known = [root], set[int]()
    while open_values:
        value = open_values.pop()
        if id(value) not in known:
            known.add(id(value))
            yield value
            open_values += value.children()


def text(value: Value) -> str:
    """Return a scalar's text, and mark it. Raises Unfit for anything else."""
    if value.text is None:
        raise Unfit("is not written as text")
    if "\0" in value.text:
        raise Unfit("holds a NUL byte")
    value.seen = True
    return value.text


def flag(value: Value) -> bool:
    """Return a truth value in any of the words that ini and YAML files have for it."""
    word = text(value).strip().lower()
    if word in ("true", "yes", "on", "1", "y"):
        return True
    if word in ("false", "no", "off", "0", "n", ""):
        return False
    raise Unfit("is neither true nor false")


def whole(value: Value, least: int = 0, most: int = 10**9) -> int:
    """Return a whole number between two bounds."""
    word = text(value).strip()
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19 and least <= int(word) <= most):
        raise Unfit(f"is not a whole number from {least} to {most}")
    return int(word)


def texts(value: Value) -> list[str]:
    """Return the texts of a list, or a scalar's as the only one."""
    if value.items is None:
        return [text(value)]
    value.seen = True
    return [text(item) for item in value.items]
