"""Findings by key path become problems by place.

A value may come from several layers, and may have been written in a short form. So every file and spelling that could
hold it is asked, highest first, and the one that has the most of the key path is where people are sent.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.errors import Problem
from mamctl.core.manifest.findings import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mamctl.core.manifest.findings import Finding, Path
    from mamctl.core.manifest.layers import Entry

    from .documents import Document, Place

_SHORT: Final[tuple[tuple[Path, Path], ...]] = (
    (("ports", "http"), ("port",)),
    (("ports",), ("port",)),
    (("ready",), ("health",)),
    (("live",), ("health",)),
)


class _Spot(NamedTuple):
    missing: int
    document: Document
    path: Path
    place: Place


class Places:
    """The files of one manifest, and how to find a key path in them."""

    def __init__(self, folder: str, documents: Mapping[str, Document], entries: Mapping[str, Entry]) -> None:
        self._folder = folder
        self._documents = documents
        self._entries = entries

    def problems(self, findings: Iterable[Finding]) -> list[Problem]:
        """Return the findings as problems, each once."""
        return list(dict.fromkeys(self.problem(finding) for finding in findings))

    def problem(self, finding: Finding) -> Problem:
        """Return one finding with its place."""
        spots = [self._spot(document, path) for document, path in self._candidates(finding)]
        spot = min(spots, key=lambda spot: spot.missing)
        key = spell(spot.path[: spot.place.matched])
        file = relative(spot.document.path, self._folder)
        return Problem(file, spot.place.line, spot.place.column, key, finding.message, finding.hint)

    def _spot(self, document: Document, path: Path) -> _Spot:
        place = document.place(path)
        return _Spot(len(path) - place.matched, document, path, place)

    def _candidates(self, finding: Finding) -> Iterator[tuple[Document, Path]]:
        if finding.file is not None:
            files = [finding.file]
        else:
            entry = self._entries.get(str(finding.path[1])) if finding.path[:1] == ("services",) else None
            files = list(entry.files if entry else self._documents)
        for path in _origins(finding.path):
            for file in files:
                for spelling in _spellings(path):
                    yield self._documents[file], spelling


def _origins(path: Path) -> Iterator[Path]:
    """Yield the key path, and those that its value may be inherited from."""
    yield path
    if path[:1] != ("services",) or len(path) < 3:
        return
    yield ("defaults", *path[2:])
    if path[2] == "acquire" and len(path) > 5:
        yield from _origins((*path[:2], *path[5:]))


def _spellings(path: Path) -> Iterator[Path]:
    yield path
    start = 1 if path[:1] == ("defaults",) else 2
    for at in (start, start + 3):
        for long, short in _SHORT:
            if path[at : at + len(long)] == long:
                yield (*path[:at], *short, *path[at + len(long) :])


def relative(path: str, folder: str) -> str:
    """Return a file's path as people read it: from the manifest's folder."""
    return os.path.relpath(path, folder)
