"""The dependency graph as a tree for the terminal, and as a Mermaid diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.ui.paint import Paint

    Graph = Mapping[str, Any]

_LINES: Final = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}


def tree(graph: Graph, paint: Paint) -> list[str]:
    """Return every service that nobody depends on, with what it needs beneath it; then the order of the start.

    `graph`: `{"services": [{"name", "kind", "depends_on": {name: {"condition", "required"}}}], "layers": [[names]]}`.
    A subtree is drawn once; later it is only named.
    """
    services = {entry["name"]: entry for entry in graph["services"]}
    needed = {name for entry in services.values() for name in entry["depends_on"]}
    drawn: set[str] = set()
    lines: list[str] = []
    for name in services:
        if name not in needed:
            _branch(services, name, ("", "", ""), drawn, lines, paint)
    return [*lines, "", *_order(graph["layers"], paint)]


def _branch(
    services: Mapping[str, Any], name: str, lead: tuple[str, str, str], drawn: set[str], lines: list[str], paint: Paint
) -> None:
    here, beneath, edge = lead
    needs: Mapping[str, Any] = services[name]["depends_on"]
    again = name in drawn and bool(needs)
    more = paint("dim", " (above)") if again else ""
    lines.append(f"{here}{name}{_kind(services[name], paint)}{paint('dim', edge)}{more}")
    drawn.add(name)
    if again:
        return
    tee, corner, bar, blank = _LINES[paint.unicode]
    for position, (other, how) in enumerate(needs.items()):
        last = position == len(needs) - 1
        lead = (beneath + (corner if last else tee), beneath + (blank if last else bar), _edge(how))
        _branch(services, other, lead, drawn, lines, paint)


def _kind(entry: Mapping[str, Any], paint: Paint) -> str:
    return "" if entry["kind"] == "service" else f" {paint('note', entry['kind'])}"


def _edge(how: Mapping[str, Any]) -> str:
    words = [] if how["condition"] == "ready" else [str(how["condition"])]
    words += [] if how["required"] else ["optional"]
    return f" ({', '.join(words)})" if words else ""


def _order(layers: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    arrow = " → " if paint.unicode else " -> "
    groups = [" ".join(group) for group in layers]
    return [f"{paint('dim', 'order:')} {arrow.join(groups)}"] if groups else []


def mermaid(graph: Graph) -> list[str]:
    """Return the graph as a Mermaid flowchart; an arrow points to what is needed."""
    numbers = {entry["name"]: f"s{position}" for position, entry in enumerate(graph["services"])}
    lines = ["flowchart LR"]
    for entry in graph["services"]:
        left, right = {"task": ("([", "])"), "external": ("[(", ")]")}.get(entry["kind"], ("[", "]"))
        lines.append(f'  {numbers[entry["name"]]}{left}"{entry["name"]}"{right}')
    for entry in graph["services"]:
        for other, how in entry["depends_on"].items():
            arrow = "-->" if how["required"] else "-.->"
            lines.append(f"  {numbers[entry['name']]} {arrow}|{how['condition']}| {numbers[other]}")
    return lines
