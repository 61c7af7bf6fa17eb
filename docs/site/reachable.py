"""Mends what the theme leaves out for those who do without eyes or a mouse; axe finds nothing serious afterwards.

Captions in the list of pages are headings of a level; code and tables wider than the page are scrolled by keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What is scrolled sideways where it is wider than the page: code and tables.
WIDE = re.compile(r'<pre(?=>)|<div class="table-wrapper[^"]*"')
# After the theme, which writes the list of pages itself.
LAST = 900


def mend(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Mend the parts of a page."""
    for part in ("body", "furo_navigation_tree"):
        if isinstance(context.get(part), str):
            text = context[part].replace('role="heading">', 'role="heading" aria-level="2">')
            context[part] = WIDE.sub(r'\g<0> tabindex="0"', text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("html-page-context", mend, priority=LAST)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
