"""Patterns as .gitignore has them: which files of a watched folder are nobody's news.

    *.pyc           that name, at any depth
    build/          a folder of that name, at any depth, with all in it
    /docs, a/*.md   a slash before the end: from the watched folder on
    a/**/b          any number of folders between
    !keep.db        takes back what a pattern before it said; the last one that matches decides

As in git, what lies in an ignored folder cannot be taken back: nobody looks into the folder.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_STARS: Final = re.compile(r"(\*\*/|/\*\*$|\*+|\?|\[[!^]?\]?[^\]/]*\])")
_MEANINGS: Final = {"**/": "(?:.*/)?", "/**": "/.*", "?": "[^/]"}


class _Pattern(NamedTuple):
    """One that was read. `anywhere`: at any depth, not only from the top."""

    expression: str
    ignores: bool
    folders_only: bool
    anywhere: bool


class _Run(NamedTuple):
    """Patterns one after the other that say the same, as one expression each for files and for folders."""

    ignores: bool
    files: re.Pattern[str]
    folders: re.Pattern[str]


class Ignored:
    """Tells which paths are ignored. A path is relative to the watched folder, with slashes."""

    def __init__(self, patterns: Iterable[str]) -> None:
        read = [_read(pattern) for pattern in patterns if pattern.strip("!/ ")]
        self._runs = [_run(ignores, list(some)) for ignores, some in groupby(read, lambda pattern: pattern.ignores)]
        # The last pattern that matches decides.
        self._runs.reverse()
        self._folders: dict[str, bool] = {"": False}

    def file(self, path: str) -> bool:
        """Tell whether a file is ignored, by itself or with a folder that it lies in."""
        return self.folder(path.rpartition("/")[0]) or self._by_itself(path, folder=False)

    def folder(self, path: str) -> bool:
        """Tell whether a folder is ignored with all that is in it. Remembered: folders are few, and files are many."""
        found = self._folders.get(path)
        if found is None:
            found = self.folder(path.rpartition("/")[0]) or self._by_itself(path, folder=True)
            self._folders[path] = found
        return found

    def gone(self, path: str) -> bool:
        """Tell whether something is ignored that is gone: nobody knows whether it was a folder."""
        return self.file(path) or self._by_itself(path, folder=True)

    def _by_itself(self, path: str, *, folder: bool) -> bool:
        for run in self._runs:
            if (run.folders if folder else run.files).fullmatch(path):
                return run.ignores
        return False


def _run(ignores: bool, patterns: Sequence[_Pattern]) -> _Run:  # noqa: FBT001 - the key of a group
    files = [pattern for pattern in patterns if not pattern.folders_only]
    return _Run(ignores, _any_of(files), _any_of(patterns))


def _any_of(patterns: Iterable[_Pattern]) -> re.Pattern[str]:
    """Return an expression for all of them; of none it matches nothing."""
    deep = [pattern.expression for pattern in patterns if pattern.anywhere]
    top = [pattern.expression for pattern in patterns if not pattern.anywhere]
    nested = [f"(?:.*/)?(?:{'|'.join(deep)})"] if deep else []
    return re.compile("|".join([*nested, *top]) or "(?!)", re.DOTALL)


def _read(written: str) -> _Pattern:
    text = written.strip()
    ignores = not text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    expression = "".join(map(_meaning, _STARS.split(text.lstrip("/"))))
    return _Pattern(f"(?:{expression})", ignores, folders_only, "/" not in text)


def _meaning(part: str) -> str:
    if not _STARS.fullmatch(part):
        return re.escape(part)
    if part[0] != "[":
        return _MEANINGS.get(part, "[^/]*")
    return _one_of(part[1:-1])


def _one_of(letters: str) -> str:
    """Return a class of letters, none of them a slash."""
    excluded = letters[:1] in ("!", "^")
    members = "".join(_members(letters[1:] if excluded else letters))
    if not members:
        return "[^/]" if excluded else "(?!)"
    return f"(?!/)[{'^' if excluded else ''}{members}]"


def _members(letters: str) -> Iterator[str]:
    """Yield letters and ranges; a range that goes backwards holds nothing."""
    at = 0
    while at < len(letters):
        first, last = letters[at], letters[at + 2 : at + 3]
        ranges = bool(last) and letters[at + 1] == "-"
        if not ranges:
            yield re.escape(first)
        elif first <= last:
            yield f"{re.escape(first)}-{re.escape(last)}"
        at += 3 if ranges else 1
