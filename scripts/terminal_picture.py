"""Draw what a terminal shows as an SVG picture: the README's pictures are real output, never typed by hand.

    tmux new-session -d -s picture -x 92 -y 26      # a terminal of that size
    tmux send-keys -t picture 'mamctl status' Enter
    tmux capture-pane -p -e -t picture | python scripts/terminal_picture.py --title 'mamctl status' > status.svg

Reads text with ANSI colours (SGR sequences) and writes one SVG. Every run of one style is placed on the grid by
itself and stretched to its columns, so that the lines stay straight in whatever font the reader has.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CELL: Final = 8.4
LINE: Final = 19
SIZE: Final = 14
MARGIN: Final = 16
BLOCKS: Final = "▁▂▃▄▅▆▇█"
BAR: Final = 34
BACKGROUND: Final = "#14181f"
FOREGROUND: Final = "#d5dae3"
FONT: Final = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
PALETTE: Final = (
    *("#3b4252", "#ff6b6b", "#5fd38d", "#f2c55c", "#6cb6ff", "#d48ef0", "#56d4dd", "#d5dae3"),
    *("#6b7486", "#ff8f8f", "#86e5ab", "#ffd985", "#93caff", "#e3b1f7", "#86e6ec", "#ffffff"),
)
SEQUENCE: Final = re.compile(
    r"\x1b\[([0-9;]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]|\x1b[()].|\x0f"
)


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of characters looks; a colour is `#rrggbb`, "" is the terminal's own."""

    color: str = ""
    ground: str = ""
    bold: bool = False
    dim: bool = False
    underline: bool = False
    reverse: bool = False


Run = tuple[str, Style]


def lines(text: str) -> list[list[Run]]:
    """Return the runs of each line; the style goes on from line to line as it does in a terminal."""
    style = Style()
    found: list[list[Run]] = []
    for line in text.rstrip().split("\n"):
        runs, style = _runs(line.rstrip("\r"), style)
        found.append(runs)
    return found


def _runs(line: str, style: Style) -> tuple[list[Run], Style]:
    runs: list[Run] = []
    start = 0
    for match in SEQUENCE.finditer(line):
        if match.start() > start:
            runs.append((line[start : match.start()], style))
        start = match.end()
        if match.group(1) is not None:
            style = styled(style, [int(code or 0) for code in match.group(1).split(";")])
    if line[start:]:
        runs.append((line[start:], style))
    return runs, style


def styled(style: Style, codes: Sequence[int]) -> Style:
    """Return the style after the codes of one SGR sequence."""
    rest = iter(codes)
    for code in rest:
        style = _after(style, code, rest)
    return style


def _after(style: Style, code: int, rest: Iterator[int]) -> Style:
    if code == 0:
        return Style()
    if code in (38, 48):
        color = _extended(rest)
        return replace(style, color=color) if code == 38 else replace(style, ground=color)
    if code in _SWITCHES:
        return replace(style, **_SWITCHES[code])
    for first, last, offset, key in _COLORS:
        if first <= code <= last:
            return replace(style, **{key: PALETTE[code - first + offset]})
    return style


_SWITCHES: Final[dict[int, dict[str, bool | str]]] = {
    1: {"bold": True},
    2: {"dim": True},
    4: {"underline": True},
    7: {"reverse": True},
    22: {"bold": False, "dim": False},
    24: {"underline": False},
    27: {"reverse": False},
    39: {"color": ""},
    49: {"ground": ""},
}
_COLORS: Final = ((30, 37, 0, "color"), (90, 97, 8, "color"), (40, 47, 0, "ground"), (100, 107, 8, "ground"))


def _extended(rest: Iterator[int]) -> str:
    """Return the colour of `5;n` (the palette of 256) or `2;r;g;b`."""
    kind = next(rest, 0)
    if kind == 2:
        return "#{:02x}{:02x}{:02x}".format(*(min(255, next(rest, 0)) for _ in range(3)))
    number = next(rest, 7)
    if number < 16:
        return PALETTE[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    cube = number - 16
    levels = (0, 95, 135, 175, 215, 255)
    return f"#{levels[cube // 36]:02x}{levels[cube // 6 % 6]:02x}{levels[cube % 6]:02x}"


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def picture(content: Sequence[Sequence[Run]], title: str) -> str:
    """Return the SVG of a window with these lines."""
    wide = max((sum(columns(text) for text, _ in line) for line in content), default=0)
    width, height = round(2 * MARGIN + wide * CELL), BAR + len(content) * LINE + MARGIN
    body = "\n".join(part for row, line in enumerate(content) for part in _line(line, BAR + row * LINE))
    return _FRAME.format(
        width=width, height=height, middle=width // 2, title=escape(title), body=body,
        background=BACKGROUND, foreground=FOREGROUND, font=FONT, size=SIZE,
    )  # fmt: skip


def _line(line: Iterable[Run], top: int) -> Iterator[str]:
    column = 0
    for text, own in line:
        style = _turned(own)
        if style.ground:
            yield _box(MARGIN + column * CELL, top, columns(text) * CELL, LINE, style.ground)
        for part in re.finditer(rf"[{BLOCKS}]|[^\s{BLOCKS}]+(?: [^\s{BLOCKS}]+)*", text):
            at = MARGIN + (column + columns(text[: part.start()])) * CELL
            yield (
                _block(part.group(), style, at, top) if part.group() in BLOCKS else _text(part.group(), style, at, top)
            )
        column += columns(text)


def _turned(style: Style) -> Style:
    """Return a style whose colour and ground are exchanged if it is reversed."""
    if not style.reverse:
        return style
    return replace(style, color=style.ground or BACKGROUND, ground=style.color or FOREGROUND)


def _block(letter: str, style: Style, left: float, top: int) -> str:
    """Return a block of so many eighths: fonts leave gaps between them, a terminal does not."""
    height = LINE * (BLOCKS.index(letter) + 1) / len(BLOCKS)
    return _box(left, top + LINE - height, CELL, height, style.color or FOREGROUND)


def _box(left: float, top: float, width: float, height: float, color: str) -> str:
    # A hair wider, so that boxes side by side do not part.
    return f'<rect x="{left:g}" y="{top:g}" width="{width + 0.2:g}" height="{height:g}" fill="{color}"/>'


def _text(text: str, style: Style, left: float, top: int) -> str:
    length = columns(text) * CELL
    look = f' fill="{style.color}"' if style.color else ""
    look += ' font-weight="bold"' if style.bold else ""
    look += ' opacity=".6"' if style.dim else ""
    look += ' text-decoration="underline"' if style.underline else ""
    return f'<text x="{left:g}" y="{top + SIZE}" textLength="{length:g}"{look}>{escape(text)}</text>'


_FRAME: Final = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
 viewBox="0 0 {width} {height}" role="img" aria-label="{title}">
<rect width="{width}" height="{height}" rx="9" fill="{background}"/>
<circle cx="20" cy="17" r="5.5" fill="#ff5f57"/><circle cx="38" cy="17" r="5.5" fill="#febc2e"/>
<circle cx="56" cy="17" r="5.5" fill="#28c840"/>
<g font-family="{font}" font-size="{size}" fill="{foreground}">
<text x="{middle}" y="22" text-anchor="middle" opacity=".55" font-size="12">{title}</text>
{body}
</g>
</svg>
"""


def main() -> None:
    """Read a capture from stdin, write the picture to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", default="", help="what stands in the window's bar")
    title = parser.parse_args().title
    sys.stdout.write(picture(lines(sys.stdin.read()), title))


if __name__ == "__main__":
    main()
