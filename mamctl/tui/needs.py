"""The dependency view: who needs whom as a tree, each with how it is and what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.tui.spans import Span
from mamctl.ui import words
from mamctl.ui.paint import style_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

    Row = Mapping[str, Any]
    Edges = Mapping[str, Sequence[str]]

# tee, corner, bar, blank
_LINES: Final = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}


def whole(rows: Sequence[Row], paint: Paint) -> list[Spans]:
    """Return every service that nobody needs, with what it needs beneath it. A subtree is drawn once."""
    needs = _needs(rows)
    needed = {name for names in needs.values() for name in names}
    tree = _Tree(rows, needs, paint)
    return [line for name in needs if name not in needed for line in tree.branch(name)]


def around(rows: Sequence[Row], name: str, paint: Paint) -> list[Spans]:
    """Return what one service needs, and who needs it, each as a tree."""
    needs = _needs(rows)
    back: dict[str, list[str]] = {known: [] for known in needs}
    for other, names in needs.items():
        for one in names:
            back[one].append(other)
    return [
        (Span("needs", "dim"),),
        *_Tree(rows, needs, paint).branch(name),
        (),
        (Span("is needed by" if back.get(name) else "is needed by nobody", "dim"),),
        *(_Tree(rows, back, paint).branch(name) if back.get(name) else ()),
    ]


def _needs(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return whom each row needs, a service with replicas as all of them."""
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(str(row["service"]), []).append(str(row["name"]))
        if row["service"] != row["name"]:
            members.setdefault(str(row["name"]), [str(row["name"])])
    return {
        str(row["name"]): [one for other in row.get("depends_on") or () for one in members.get(other, ())]
        for row in rows
    }


class _Tree:
    """Draws branches; what was drawn once is only named later, which also ends what would go round."""

    def __init__(self, rows: Sequence[Row], edges: Edges, paint: Paint) -> None:
        self._rows = {str(row["name"]): row for row in rows}
        self._edges = edges
        self._paint = paint
        self._drawn: set[str] = set()

    def branch(self, name: str, here: str = "", beneath: str = "") -> Iterator[Spans]:
        """Yield the lines of a service and what is beneath it."""
        others = self._edges.get(name, ())
        again = name in self._drawn and bool(others)
        yield (Span(here, "dim"), *self._node(name), *([Span("  (above)", "dim")] if again else []))
        if again:
            return
        self._drawn.add(name)
        tee, corner, bar, blank = _LINES[self._paint.unicode]
        for other in others[:-1]:
            yield from self.branch(other, beneath + tee, beneath + bar)
        for other in others[-1:]:
            yield from self.branch(other, beneath + corner, beneath + blank)

    def _node(self, name: str) -> Spans:
        row = self._rows.get(name)
        if row is None:
            return (Span(name),)
        state = str(row["state"])
        style = style_of(state)
        why = words.why(row)
        told = Span(f": {why}", "" if style in ("bad", "warn", "note") else "dim") if why else Span("")
        return (Span(f"{self._paint.symbol(state)} ", style), Span(f"{name} ", "bold"), Span(state, style), told)
