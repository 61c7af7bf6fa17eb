"""Why a step of a smoke run was not good."""

from __future__ import annotations

import json
from typing import Final

LONGEST: Final = 200
"""Letters of what came that are shown to people."""


class Shortfall(Exception):
    """A step that is not good (yet). `what` is a sentence without them; `expected` and `got` are short texts."""

    def __init__(self, what: str, expected: str | None = None, got: str | None = None, said: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.got = got
        self.said = said

    def __str__(self) -> str:
        """Return the whole sentence: `status is 500, expected 201; it said: no such file`."""
        got = f"{self.what} is {self.got}" if self.got is not None else self.what
        expected = f", expected {self.expected}" if self.expected is not None else ""
        return f"{got}{expected}" + (f"; it said: {self.said}" if self.said else "")


def excerpt(text: str, most: int = LONGEST) -> str:
    """Return the beginning of a text on one line, without what a terminal would obey."""
    line = " ".join(text[: most * 4].split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def shown(value: object, most: int = LONGEST) -> str:
    """Return a JSON value as it is shown to people."""
    return excerpt(json.dumps(value, ensure_ascii=False), most)
