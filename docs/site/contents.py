"""The side bar, made from the lists of links on the index page: a page is listed once, for GitHub and for the site.

A section is a caption; a link at the beginning of a list item is a page. What the index forgets stands under "More", so
that a new page never breaks the build; tests/docs tells who forgot it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sphinx.application import Sphinx

ITEM: Final = re.compile(r"^- \[[^\]]+\]\(([^)#]+)\.md\)", re.MULTILINE)
# A page that lists others by itself, in the same way.
INDEXES: Final = ("docs/index", "docs/migrating/index")


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx call `add` for each page that it reads."""
    app.connect("source-read", add)
    return {"parallel_read_safe": True}


def add(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the hidden trees behind the lists of an index."""
    if docname not in INDEXES:
        return
    folder = app.srcdir
    listed = {
        page
        for index in INDEXES
        for _, pages in sections(index, (folder / f"{index}.md").read_text())
        for page in pages
    }
    trees = [tree(caption, pages) for caption, pages in sections(docname, source[0])]
    forgotten = sorted(app.project.docnames - listed - {INDEXES[0]})
    if docname == INDEXES[0] and forgotten:
        trees.append(tree("More", forgotten))
    source[0] += "\n".join(["", *trees])


def sections(docname: str, text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each heading whose list names pages, with their names."""
    parts = re.split(r"^##? (.+)$", text, flags=re.MULTILINE)[1:]
    for caption, body in zip(parts[::2], parts[1::2], strict=True):
        pages = [posixpath.normpath(posixpath.join(posixpath.dirname(docname), link)) for link in ITEM.findall(body)]
        if pages:
            yield caption, pages


def tree(caption: str, pages: Iterable[str]) -> str:
    """Return a hidden toctree."""
    return "\n".join(
        ["```{toctree}", ":hidden:", f":caption: {caption}", "", *(f"/{page}" for page in pages), "```", ""]
    )
