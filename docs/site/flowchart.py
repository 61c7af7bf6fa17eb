"""Draws a fenced block `mermaid` as SVG in the page: no script, no network. GitHub draws the same block itself.

It knows what `mamctl graph --mermaid` and these pages write: `flowchart LR`, nodes with a label (`a["..."]`,
`a(["..."])`, `a[("...")]`), edges (`a --> b`, `a -. text .-> b`, `a -->|text| b`). Anything else is an error, so that
no drawing is silently wrong.
A node stands in the column after the longest way that leads to it; in each column nodes lie near their neighbours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

LETTER: Final = 8.2
HEIGHT: Final = 34
ROW: Final = 54
GAP: Final = 80
MARGIN: Final = 12
NODE: Final = r'([\w.-]*\w)(?:\[\("([^"]+)"\)\]|\(?\["?([^"\]]+)"?\]\)?)?'
EDGE: Final = re.compile(rf"{NODE}\s*(?:(-->|-\.->)(?:\|(.*?)\|)?|-\.\s*(.+?)\s*\.->)\s*{NODE}")


class UnknownLineError(ValueError):
    """A line of a drawing that is not understood."""


@dataclass
class Drawing:
    """Nodes with their labels, and edges with theirs; a dashed edge does not count for much."""

    labels: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def node(self, name: str, *labels: str | None) -> str:
        """Remember a node and the label that it is given somewhere."""
        given = next((label for label in labels if label), None)
        if given or name not in self.labels:
            self.labels[name] = given or name
        return name


def parse(text: str) -> Drawing:
    """Return what a block says. Raises `UnknownLineError`."""
    drawing = Drawing()
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith(("flowchart", "%%")):
            continue
        if edge := EDGE.fullmatch(line):
            first, second = drawing.node(*edge.group(1, 2, 3)), drawing.node(*edge.group(7, 8, 9))
            drawing.edges.append((first, second, edge[5] or edge[6] or "", edge[4] != "-->"))
        elif alone := re.fullmatch(NODE, line):
            drawing.node(*alone.groups())
        else:
            raise UnknownLineError(f"not a line of a flowchart: {line}")
    return drawing


def columns(drawing: Drawing) -> list[list[str]]:
    """Return the nodes by column. In a circle the edge that closes it counts for nothing."""
    depth = dict.fromkeys(drawing.labels, 0)
    for _ in drawing.labels:
        for first, second, *_rest in drawing.edges:
            depth[second] = max(depth[second], min(depth[first] + 1, len(depth) - 1))
    found = [[name for name in depth if depth[name] == level] for level in sorted(set(depth.values()))]
    ends = {name for first, second, *_ in drawing.edges for name in (first, second)}
    found[0].sort(key=lambda name: name not in ends)  # who knows nobody stands beneath
    for before, column in pairwise(found):
        column.sort(key=lambda name: _middle(drawing, name, before))
    return found


def _middle(drawing: Drawing, name: str, before: list[str]) -> float:
    near = [before.index(first) for first, second, *_ in drawing.edges if second == name and first in before]
    return sum(near) / len(near) if near else len(before)


def svg(text: str) -> str:
    """Return the drawing as an SVG element."""
    drawing = parse(text)
    places, width, height = _places(drawing)
    told = "; ".join(f"{first} to {second}" for first, second, *_ in drawing.edges)
    parts = [
        f'<svg class="flowchart" role="img" aria-label="Drawing: {escape(told)}"',
        f' viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"',
        ' orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>',
        *_edges(drawing, places),
        *_nodes(drawing, places),
        "</svg>",
    ]
    return "\n".join(parts)


Place = tuple[float, float, float]


def _places(drawing: Drawing) -> tuple[dict[str, Place], float, float]:
    """Return left edge, middle and width of each node, and how large all of it is."""
    places: dict[str, Place] = {}
    found, left = columns(drawing), float(MARGIN)
    tallest = max(map(len, found))
    for column in found:
        width = max(len(drawing.labels[name]) for name in column) * LETTER + 24
        top = MARGIN + HEIGHT / 2 + (tallest - len(column)) * ROW / 2
        places |= {name: (left, top + row * ROW, width) for row, name in enumerate(column)}
        left += width + GAP
    return places, left - GAP + MARGIN, MARGIN * 2 + HEIGHT + (tallest - 1) * ROW


def _nodes(drawing: Drawing, places: dict[str, Place]) -> Iterable[str]:
    for name, label in drawing.labels.items():
        left, middle, width = places[name]
        yield f'<rect x="{left:g}" y="{middle - HEIGHT / 2:g}" width="{width:g}" height="{HEIGHT}" rx="7"/>'
        yield f'<text x="{left + width / 2:g}" y="{middle + 5:g}" text-anchor="middle">{escape(label)}</text>'


def _edges(drawing: Drawing, places: dict[str, Place]) -> Iterable[str]:
    for first, second, label, dashed in drawing.edges:
        (left, start, width), (end, finish, _) = places[first], places[second]
        begin = left + width
        half = (begin + end) / 2
        style = ' stroke-dasharray="5 4"' if dashed else ""
        way = f"M{begin:g} {start:g}C{half:g} {start:g} {half:g} {finish:g} {end:g} {finish:g}"
        yield f'<path d="{way}"{style} marker-end="url(#tip)"/>'
        if label:
            place = f'x="{half:g}" y="{(start + finish) / 2 - 5:g}"'
            yield f'<text class="label" {place} text-anchor="middle">{escape(label)}</text>'


class Mermaid(SphinxDirective):
    """The directive that a fenced block `mermaid` is."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        return [nodes.raw("", svg("\n".join(self.content)), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx know the directive."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True}
