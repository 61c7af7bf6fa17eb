"""Which folders are to be watched, for whom, and what is in them: a walk that leaves out what is ignored.

Folders are watched one by one and not as trees, because most of a tree is nobody's news: `node_modules` alone may have
more folders than the system grants watches.
"""

from __future__ import annotations

import os
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.dataclass import dataclass
from mamctl.core.ignoring import Ignored
from mamctl.core.manifest.watching import ALWAYS_IGNORED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mamctl.core.manifest.watching import Watch

# More folders than this are not watched: the manifest surely names more than it means.
MOST_FOLDERS = 10_000

# What tells a file from how it was before: time of change, size, inode.
Stamp = tuple[int, int, int]


class Interest(NamedTuple):
    """Why a folder is looked at: for whom, where it lies in what they named (`a/b/`, or ""), or for one name in it."""

    services: tuple[str, ...]
    ignored: Ignored
    inside: str = ""
    only: str | None = None

    def is_in(self, name: str, *, gone: bool = False) -> bool:
        """Tell whether a file of the folder is meant. Of what is `gone` nobody knows whether it was a folder."""
        if self.only is not None:
            return name == self.only
        path = self.inside + name
        return not (self.ignored.gone(path) if gone else self.ignored.file(path))


@dataclass(slots=True)
class Survey:
    """What a walk found.

    `folders`: those that are watched, and why. `used`: those of them that have files. `links`: named paths that point
    elsewhere. `missing`: named paths that are not there. `full`: there were more folders than we watch.
    """

    folders: dict[str, list[Interest]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    full: bool = False

    def concerned(self, path: str) -> Iterator[str]:
        """Yield the services that a change of this path is news to. What is in a new folder speaks for itself."""
        if os.path.isdir(path):
            return
        if path in self.folders:
            # It went away: with its files, or nobody cares.
            known = self.folders[path] if path in self.used else ()
            yield from (service for interest in known if interest.only is None for service in interest.services)
            return
        folder, _, name = path.rpartition("/")
        gone = not os.path.lexists(path)
        for interest in self.folders.get(folder or "/", ()):
            if interest.is_in(name, gone=gone):
                yield from interest.services

    def appeared(self, before: Survey) -> set[str]:
        """Return what is there now and was not, or was not looked at, before: the files of new folders, named paths."""
        new = self.folders.keys() - before.folders.keys()
        return self._files_of(new).keys() | {os.path.realpath(path) for path in before.missing - self.missing}

    def outdated_by(self, path: str) -> bool:
        """Tell whether a change of this path means that other folders are to be watched."""
        return path in self.folders or path in self.links or os.path.isdir(path)

    def files(self) -> dict[str, Stamp]:
        """Return how every file is that is news to somebody."""
        return self._files_of(self.folders)

    def _files_of(self, folders: Iterable[str]) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for folder in folders:
            interests = self.folders[folder]
            for entry in _entries(folder) or ():
                if any(interest.is_in(entry.name) for interest in interests) and (stamp := _stamp(entry)):
                    found[entry.path] = stamp
        return found


def survey(watches: Mapping[str, Watch], avoid: Collection[str] = ()) -> Survey:
    """Walk through all that services watch; `avoid` are folders in which we write ourselves."""
    found = Survey()
    # Replicas, and who else watches the same, are looked at once.
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for service, watch in watches.items():
        for path in watch.paths:
            alike.setdefault((path, watch.ignore), []).append(service)
    for (path, ignore), services in alike.items():
        _look(path, Interest(tuple(services), Ignored((*ALWAYS_IGNORED, *ignore))), avoid, found)
    return found


def _look(path: str, interest: Interest, avoid: Collection[str], found: Survey) -> None:
    real = os.path.realpath(path)
    if real != path and os.path.islink(path):
        # Whoever points it somewhere else changes all that is behind it.
        found.links.add(path)
        _add(os.path.dirname(path), interest._replace(only=os.path.basename(path)), found)
    if os.path.isdir(real):
        _walk(real, interest, avoid, found)
    elif os.path.lexists(real):
        _add(os.path.dirname(real), interest._replace(only=os.path.basename(real)), found)
    else:
        found.missing.add(path)


def _add(folder: str, interest: Interest, found: Survey) -> None:
    found.folders.setdefault(folder, []).append(interest)


def _walk(root: str, interest: Interest, avoid: Collection[str], found: Survey) -> None:
    """Add a folder and those beneath it. Links are followed, once to each folder."""
    seen: set[tuple[int, int]] = set()
    todo = [(root, "")]
    while todo:
        folder, inside = todo.pop()
        entries = None if folder in avoid or not _is_new(folder, seen) else _entries(folder)
        if entries is None:
            continue
        if len(found.folders) >= MOST_FOLDERS and folder not in found.folders:
            found.full = True
            return
        here = interest._replace(inside=inside)
        _add(folder, here, found)
        folders = {entry.name for entry in entries if _is_folder(entry)}
        if any(here.is_in(entry.name) for entry in entries if entry.name not in folders):
            found.used.add(folder)
        inner = [name for name in folders if not interest.ignored.folder(inside + name)]
        todo += [(os.path.join(folder, name), f"{inside}{name}/") for name in inner]


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Tell whether a folder is there and was not met before."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _entries(folder: str) -> list[os.DirEntry[str]] | None:
    """Return what is in a folder; None when it may not be read, or is gone."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stamp(entry: os.DirEntry[str]) -> Stamp | None:
    """Return how a file is; None for what is none, or is gone."""
    try:
        if entry.is_dir():
            return None
        found = entry.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
