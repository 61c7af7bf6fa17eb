r"""The words of a line of a unit, split as systemd does it: an escape as `\n` counts in single quotes, too.

The table is that of systemd.service(5); an escape that is not in it stays as it is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.value import Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE: Final = " \t\r\n"
_LETTERS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " ",
    "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_BYTE: Final = r"\\x([0-9a-fA-F]{2})|\\([0-7]{3})"
_TOKEN: Final = re.compile(
    rf"(?P<bytes>(?:{_BYTE})+)|\\u(?P<short>[0-9a-fA-F]{{4}})|\\U(?P<long>[0-9a-fA-F]{{8}})|(?P<other>\\.|.)", re.DOTALL
)


def words(line: str) -> list[str]:
    """Return the words of a line. Raises Unfit for a quote that is not closed, and for an escape that is no text."""
    found: list[str] = []
    word: list[str] | None = None
    quote = ""
    for token in _tokens(line):
        if token in _SPACE and not quote:
            if word is not None:
                found.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if token in ("'", '"') and quote in ("", token):
            quote = "" if quote else token
            continue
        word.append(token if len(token) == 1 else _told(token))
    if quote:
        raise Unfit("has a quote that is not closed")
    if word is not None:
        found.append("".join(word))
    # The one word that is written with an escape of its own: it would begin another command.
    return [";" if one == "\\;" else one for one in found]


def _tokens(line: str) -> Iterator[str]:
    return (found[0] for found in _TOKEN.finditer(line))


def _told(token: str) -> str:
    """Return what an escape means."""
    found = _TOKEN.fullmatch(token)
    assert found is not None
    if found["bytes"]:
        return _decoded(found["bytes"])
    if code := found["short"] or found["long"]:
        return _letter(int(code, 16))
    return _LETTERS.get(token[1], token)


def _decoded(escapes: str) -> str:
    """Return bytes that are written one by one as the text that they make together."""
    numbers = [int(one[1], 16) if one[1] else int(one[2], 8) for one in re.finditer(_BYTE, escapes)]
    if 0 in numbers or max(numbers) > 0xFF:
        raise Unfit("has an escape that is no byte of a text")
    try:
        return bytes(numbers).decode()
    except UnicodeDecodeError:
        raise Unfit("has escaped bytes that are not UTF-8") from None


def _letter(code: int) -> str:
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise Unfit("has an escape that is no letter")
    return chr(code)
