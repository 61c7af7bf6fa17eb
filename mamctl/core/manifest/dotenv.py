r"""The text of an env file as pairs.

`NAME=value`, one a line; `export` before it, blank lines and lines that begin with `#` are allowed. A bare value ends
at the line's end or at ` #`. A value in single quotes is taken as it is; in double quotes \n, \r, \t, \", \\ and \$ are
known. Both may span lines. Nothing is substituted: `${...}` and `$` stay as they are.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE: Final = re.compile(r"'([^']*)'")
_REST: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|$)")


class Fault(NamedTuple):
    """A line (1-based) of an env file that cannot be read."""

    line: int
    message: str
    hint: str | None = None


def parse(text: str) -> tuple[dict[str, str], list[Fault]]:
    """Return the pairs of an env file, the last of a name winning, and the faults of the lines that were left out."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    pairs: dict[str, str] = {}
    faults: list[Fault] = []
    position = 0
    while position < len(text):
        position = _entry(text, position, pairs, faults)
    return pairs, faults


def _entry(text: str, start: int, pairs: dict[str, str], faults: list[Fault]) -> int:
    """Read what begins at `start`; return where the next entry begins."""
    if blank := _REST.match(text, start):
        return blank.end()
    name = _NAME.match(text, start)
    if not name:
        faults.append(Fault(_line(text, start), "expected NAME=value", "a comment begins with #"))
        return _next_line(text, start)
    value = _value(text, name.end())
    if isinstance(value, Fault):
        faults.append(value)
        return _next_line(text, start)
    pairs[name[1]], end = value
    return end


def _value(text: str, start: int) -> tuple[str, int] | Fault:
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        return _bare(text, start)
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, start)
    if not quoted:
        return Fault(_line(text, start), f"the value has no closing {quote}", "close it, or escape the quote")
    rest = _REST.match(text, quoted.end())
    if not rest:
        return Fault(_line(text, quoted.end()), f"text after the closing {quote}", "put the whole value in quotes")
    inner = quoted[1] if quote == "'" else _ESCAPE.sub(_unescape, quoted[1])
    return _without_nul(inner, text, start, rest.end())


def _bare(text: str, start: int) -> tuple[str, int] | Fault:
    end = _next_line(text, start)
    line = text[start:end].rstrip("\n")
    comment = re.search(r"(?:^|[ \t])#", line)
    value = line[: comment.start()] if comment else line
    return _without_nul(value.rstrip(" \t"), text, start, end)


def _without_nul(value: str, text: str, start: int, end: int) -> tuple[str, int] | Fault:
    if "\0" in value:
        return Fault(_line(text, start), "the value holds a NUL byte", "no environment can hold it")
    return value, end


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _next_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end + 1
