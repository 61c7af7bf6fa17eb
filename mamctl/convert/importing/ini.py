"""Files of sections with `key = value`, as Python's configparser reads them, with the lines of all keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.value import Value, name_paths

if TYPE_CHECKING:
    from mamctl.core.errors import Problem

_SECTION: Final = re.compile(r"\[([^\]]+)\]\s*(?:[;#].*)?")
_DELIMITER: Final = re.compile(r"[=:]")
_INLINE: Final = {marks: re.compile(rf"(?:^|(?<=\s))[{marks}].*") for marks in (";", ";#")}


class _Reading:
    def __init__(self, shown: str, *, inline: str, fold: bool) -> None:
        self.root = Value(1, shown, seen=True, pairs={})
        self.problems: list[Problem] = []
        self._shown, self._inline, self._fold = shown, inline, fold
        self._section: Value | None = None
        self._last: Value | None = None

    def take(self, number: int, line: str) -> None:
        if not line.strip() or line.lstrip()[0] in "#;":
            return
        bare = _INLINE[self._inline].sub("", line).rstrip()
        if bare[:1].isspace() and self._last is not None:
            self._last.text = f"{self._last.text}\n{bare.strip()}".strip()
        elif section := _SECTION.fullmatch(bare):
            self._open(section[1].strip(), number)
        elif (found := _DELIMITER.search(bare)) and bare[: found.start()].strip() and self._section is not None:
            key = bare[: found.start()].strip()
            self._pair(key.lower() if self._fold else key, bare[found.end() :].strip(), number)
        else:
            hint = None if self._section else "a section begins with its [name]"
            self.problems.append(refuse(self._shown, number, "is no key = value of a section", hint))

    def _open(self, name: str, number: int) -> None:
        sections = self.root.pairs
        assert sections is not None
        self._section = sections.setdefault(name, Value(number, self._shown, pairs={}))
        self._last = None

    def _pair(self, key: str, text: str, number: int) -> None:
        assert self._section is not None
        assert self._section.pairs is not None
        pairs = self._section.pairs
        if before := pairs.pop(key, None):
            before.why = f"it is there again in line {number}, and the last one counts"
            pairs[f"{key} (before)"] = before
        self._last = pairs[key] = Value(number, self._shown, text=text)


def parse(text: str, shown: str, what: str, *, inline: str = ";#", fold: bool = True) -> Value:
    """Return the sections. Raises Unreadable.

    `inline` are the letters that begin a comment behind a value; with `fold` keys are made lower-case.
    """
    reading = _Reading(shown, inline=inline, fold=fold)
    for number, line in enumerate(text.split("\n"), 1):
        reading.take(number, line)
    if reading.problems:
        raise Unreadable(what, tuple(reading.problems))
    name_paths(reading.root)
    return reading.root
