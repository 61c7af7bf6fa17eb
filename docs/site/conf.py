"""Sphinx: `make docs` builds these pages into build/docs. The repository is the source folder.

So links between pages, services' READMEs and settings are the same here, on GitHub and in an editor.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from mamctl.version import VERSION

project = "mamctl"
author = "the authors of mamctl"
version = release = VERSION
language = "en"
root_doc = "docs/index"
include_patterns = ["docs/**/*.md", "docs/*.md", "services/*/README.md", "CHANGELOG.md"]
exclude_patterns = [".*", "**/node_modules", "build", "data", "media", "logs", "benchmarks", "tests", "mamctl"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "contents", "generated", "flowchart", "side_by_side", "reachable"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
myst_enable_extensions = ["colon_fence"]
# The code's docstrings are plain text in which backticks mean code.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
# Types in signatures: those of the standard library have no page here, and a build asks no network for them.
nitpick_ignore_regex = [("py:.*", ".*")]

html_theme = "furo"
html_title = f"mamctl {VERSION}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_extra_path = ["extra"]
# The reader's own fonts, nothing from elsewhere.
html_theme_options = {
    "light_css_variables": {"font-stack": "system-ui, sans-serif", "font-stack--monospace": "ui-monospace, monospace"},
}
