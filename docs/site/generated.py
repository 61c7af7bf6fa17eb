"""Fills the reference pages: a comment `<!-- generated: NAME -->` becomes what the code says of itself.

The pages are Markdown like all others, so what is made here is Markdown, too, and it is never out of date.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import command_reference
import endpoint_reference
import manifest_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx

MARK: Final = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
WRITERS: Final[dict[str, Callable[[], str]]] = {
    "manifest": manifest_reference.text,
    "commands": command_reference.text,
    "endpoints": endpoint_reference.text,
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx call `fill` for each page that it reads."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}


def fill(_: Sphinx, __: str, source: list[str]) -> None:
    """Replace the marks of one page."""
    source[0] = MARK.sub(lambda mark: WRITERS[mark[1]](), source[0])
