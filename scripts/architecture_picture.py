"""Draw the processes of a stack: `python scripts/architecture_picture.py > docs/images/architecture.svg`.

`make pictures` does it too. One SVG for light and dark: it takes the reader's side by itself, without any script.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH: Final = 980
HEIGHT: Final = 566
LETTER: Final = 6.1
ABOUT: Final = (
    "mamctl up and the other commands reach the supervisor, which is a guardian and a brain; the brain starts, probes "
    "and stops the services, whose output goes through pipes into files"
)
STYLE: Final = """
svg { --back: #ffffff; --text: #1c2430; --dim: #5b6675; --line: #8b96a5; --box: #f3f5f8; --edge: #c3cad4;
  --ours: #e6effb; --ours-edge: #3b78c3;
  --service: #e5f5ea; --service-edge: #2f8a53; --file: #fbf1dc; --file-edge: #b5862a; }
@media (prefers-color-scheme: dark) {
  svg { --back: #14181f; --text: #d5dae3; --dim: #a7b1c0; --line: #7d8898; --box: #1d232d; --edge: #465060;
    --ours: #17283d; --ours-edge: #6cb6ff;
    --service: #14301f; --service-edge: #5fd38d; --file: #332a14; --file-edge: #f2c55c; }
}
text { font-family: system-ui, sans-serif; font-size: 13px; fill: var(--text); }
.name { font-weight: 600; } .small { font-size: 11.5px; fill: var(--dim); }
.ground { fill: var(--back); } .said { fill: var(--back); }
.box { fill: var(--box); stroke: var(--edge); } .ours { fill: var(--ours); stroke: var(--ours-edge); }
.service { fill: var(--service); stroke: var(--service-edge); } .file { fill: var(--file); stroke: var(--file-edge); }
.area { fill: none; stroke: var(--edge); stroke-dasharray: 5 4; }
.theirs { fill: var(--box); stroke: var(--edge); stroke-dasharray: 4 3; }
.way { fill: none; stroke: var(--line); stroke-width: 1.4; marker-end: url(#end); }
.both { marker-start: url(#begin); } .weak { stroke-dasharray: 4 4; }
.tip { fill: var(--line); }
"""


class Box(NamedTuple):
    """A box with its name, and what is to be known of it."""

    left: int
    top: int
    width: int
    height: int
    kind: str
    name: str
    lines: tuple[str, ...] = ()


class Way(NamedTuple):
    """A line with an arrow through these points; what goes that way stands at `at`."""

    points: tuple[tuple[int, int], ...]
    told: tuple[str, ...]
    at: tuple[int, int]
    kind: str = ""


AREAS: Final = (
    Box(14, 16, 212, 402, "area", "terminals and clients"),
    Box(324, 16, 268, 402, "area", "the supervisor, a session of its own"),
    Box(720, 16, 246, 402, "area", "services, each its own session"),
    Box(324, 444, 642, 100, "area", "files beside the manifest"),
)
BOXES: Final = (
    Box(28, 50, 184, 74, "box", "mamctl up", ("in the foreground: a client", "that holds a lease")),
    Box(28, 196, 184, 74, "box", "status, stop, wait, top", ("dashboard, mamctl.Client,", "curl: all ask the brain")),
    Box(28, 332, 184, 70, "box", "mamctl logs", ("reads files, needs no", "supervisor")),
    Box(342, 50, 232, 106, "ours", "guardian", (
        "keeps what must outlive the brain:", "pipes, sockets, pidfds, the lock;", "starts the next brain,",
        "drains output while there is none",
    )),
    Box(342, 236, 232, 124, "ours", "brain", (
        "one queue, one reader", "core/ decides, runtime/ performs:", "spawn, probe, signal, sweep,",
        "timers, log files, the API",
    )),
    Box(740, 50, 206, 56, "service", "backend", ("and what it forks",)),
    Box(740, 122, 206, 40, "service", "frontend"),
    Box(740, 178, 206, 56, "service", "worker-1, worker-2", ("a replica each",)),
    Box(740, 250, 206, 40, "service", "lmstudio, spawned by us"),
    Box(740, 332, 206, 70, "theirs", "LM Studio", ("started by hand: attached to,", "never signalled")),
    Box(342, 474, 190, 56, "file", ".mamctl/journal, events", ("what was spawned, and told",)),
    Box(740, 474, 206, 56, "file", "logs/backend.log", ("byte for byte, with an index",)),
)  # fmt: skip
WAYS: Final = (
    Way(((212, 87), (276, 87), (276, 262), (342, 262)), ("lease", "(socket pair)"), (276, 172)),
    Way(((212, 233), (250, 233), (250, 300), (342, 300)), ("HTTP on", "control.sock", "or TCP"), (250, 320), "both"),
    Way(((458, 156), (458, 236)), ("descriptors,", "exit statuses"), (458, 198), "both"),
    Way(((574, 262), (656, 262), (656, 78), (740, 78)), ("spawn, signal", "probe, notify"), (604, 196)),
    Way(((574, 278), (672, 278), (672, 142), (740, 142)), (), (0, 0)),
    Way(((574, 294), (688, 294), (688, 206), (740, 206)), (), (0, 0)),
    Way(((574, 310), (704, 310), (704, 270), (740, 270)), (), (0, 0)),
    Way(((574, 338), (740, 367)), ("probe only",), (652, 352), "weak"),
    Way(((500, 360), (500, 474)), ("intent first",), (500, 392)),
    Way(((556, 360), (556, 502), (740, 502)), ("splice from", "services' pipes"), (640, 502)),
    Way(((780, 530), (780, 554), (120, 554), (120, 402)), (), (0, 0)),
)


def box(one: Box) -> Iterator[str]:
    """Yield a box and its words."""
    yield f'<rect x="{one.left}" y="{one.top}" width="{one.width}" height="{one.height}" rx="7" class="{one.kind}"/>'
    if one.kind == "area":
        yield words(one.left + 12, one.top + 20, one.name, "small")
        return
    yield words(one.left + 12, one.top + 24, one.name, "name")
    for number, line in enumerate(one.lines):
        yield words(one.left + 12, one.top + 44 + 17 * number, line, "small")


def way(one: Way) -> Iterator[str]:
    """Yield a line and what is told of it, on the ground of the page so that the line does not cross it."""
    points = " ".join(f"{x},{y}" for x, y in one.points)
    yield f'<polyline points="{points}" class="way {one.kind}"/>'
    x, y = one.at
    for number, line in enumerate(one.told):
        wide, top = len(line) * LETTER + 8, y - 8 * len(one.told) + 16 * number
        yield f'<rect x="{x - wide / 2:g}" y="{top}" width="{wide:g}" height="16" class="said"/>'
        yield f'<text x="{x}" y="{top + 12}" text-anchor="middle" class="small">{escape(line)}</text>'


def words(left: int, top: int, text: str, kind: str) -> str:
    """Return a line of text."""
    return f'<text x="{left}" y="{top}" class="{kind}">{escape(text)}</text>'


def picture() -> str:
    """Return the SVG."""
    tips = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="{x}" refY="4" markerWidth="7" markerHeight="7" orient="{turn}">'
        '<path d="M0 0L8 4L0 8z" class="tip"/></marker>'
        for name, x, turn in (("end", 7, "auto"), ("begin", 7, "auto-start-reverse"))
    )
    drawn = [
        *(part for one in AREAS for part in box(one)),
        *(part for one in WAYS for part in way(one)),
        *(part for one in BOXES for part in box(one)),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' role="img" aria-label="{escape(ABOUT)}">'
    )
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="9" class="ground"/>'
    return "\n".join([head, f"<style>{STYLE}</style><defs>{tips}</defs>", ground, *drawn, "</svg>", ""])


if __name__ == "__main__":
    sys.stdout.write(picture())
