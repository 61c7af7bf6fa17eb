"""Two code blocks that follow each other in a guide of migration stand beside each other where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER: Final = "docs/migrating/"


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx call `pair` for each page that it has read."""
    app.connect("doctree-read", pair)
    return {"parallel_read_safe": True}


def pair(app: Sphinx, doctree: nodes.document) -> None:
    """Put their block and ours into one container; what it looks like is in site.css."""
    if not app.env.docname.startswith(FOLDER):
        return
    for first in list(doctree.findall(nodes.literal_block)):
        parent = first.parent
        place = parent.index(first)
        if place + 1 < len(parent) and _followed(parent, place):
            parent[place : place + 2] = [nodes.container("", *parent[place : place + 2], classes=["side-by-side"])]


def _followed(parent: nodes.Element, place: int) -> bool:
    """Tell whether ours, which is YAML, comes right after theirs."""
    second = parent[place + 1]
    return (
        isinstance(second, nodes.literal_block)
        and second.get("language") == "yaml"
        and "side-by-side" not in parent.get("classes", [])
    )
