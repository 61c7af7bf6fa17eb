"""The key `watch`: which files a service is restarted for when they change, and which are nobody's news."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from .findings import Tree

# What tools write beside the sources: version control, caches, what editors leave, and what services keep. A pattern
# with an exclamation mark in `ignore` takes one of them back.
ALWAYS_IGNORED: Final = (
    ".git/", ".hg/", ".svn/", ".mamctl/",
    "__pycache__/", "*.py[cod]", ".venv/", "venv/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".tox/",
    "node_modules/", ".next/", ".cache/",
    ".idea/", ".vscode/", ".DS_Store", "*.sw[a-p]", "*~", "#*#", ".#*", "4913", "*.tmp", "*___jb_*",
    "*.log", "*.pid", "*.sock", "*.db", "*.db-*", "*.sqlite3", "*.sqlite3-*",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watch:
    """A change of a file beneath one of `paths` (absolute) restarts the service, once nothing changed for `debounce`.

    `ignore` are patterns as .gitignore has them, over `ALWAYS_IGNORED`. Seconds.
    """

    paths: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    debounce: float = 0.3

    def of(self, folder: str) -> Watch:
        """Return it with the service's folder, which is what it watches when no path is named."""
        return self if self.paths else replace(self, paths=(folder,))


def render_watch(watch: Watch | None) -> Tree:
    """Return it in its own keys."""
    from .units import show_seconds  # Few manifests watch.

    if watch is None:
        return {}
    ignore: Tree = {"ignore": list(watch.ignore)} if watch.ignore else {}
    return {"paths": list(watch.paths), **ignore, "debounce": show_seconds(watch.debounce)}
