"""Walking a media folder: every file of a known type, in the order of the paths.

The order is that of the database's index (bytes of UTF-8), so a scan can lay the two side by side and needs no memory
for either. A folder sorts as its name with a slash, which is how its files' paths begin.
"""

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.backend.app.models.seen_file import SeenFile
from services.backend.app.services.media_root import PathRejected, checked_path
from services.backend.app.services.media_types import media_type_of

log = logging.getLogger("mam.scan")


@dataclass(slots=True)
class Notes:
    """What a walk met beside the media."""

    folders: int = 0
    unusable: int = 0
    """Files of a known type with an odd name, what is no regular file, and folders with an odd name."""
    closed: list[str] = field(default_factory=list)
    """Folders that could not be read: what lies in them is not missing. Relative, each with a slash at its end."""

    reserved: frozenset[str] = frozenset()
    """Names at the top that belong to another root."""

    def hides(self, path: str) -> bool:
        """Whether the path lies in a folder that could not be read."""
        return any(path.startswith(folder) for folder in self.closed)


def walk(base: str, folder: str, notes: Notes, *, prefix: str = "") -> Iterator[SeenFile]:
    """Give the media beneath ``folder`` (relative; "" is all) by their paths, in order; each begins with ``prefix``."""
    inner = f"{prefix}{folder}/" if folder else prefix
    yield from _folder(os.path.join(base, folder) if folder else base, inner, notes)


def _folder(absolute: str, prefix: str, notes: Notes) -> Iterator[SeenFile]:
    try:
        with os.scandir(absolute) as entries:
            children = sorted(
                ((f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name), entry)
                for entry in entries
                if not entry.name.startswith(".")
            )
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since its name was read, or since somebody asked for it
    except OSError as error:
        log.warning("a folder of the media cannot be read: %s", error.strerror)
        notes.closed.append(prefix)
        return
    notes.folders += 1
    for name, entry in children:
        if not name.endswith("/"):
            seen = _file(entry, prefix + name, notes)
            if seen is not None:
                yield seen
        elif not is_plain(prefix + name[:-1]):
            notes.unusable += 1
        elif prefix + name[:-1] not in notes.reserved:
            # How deep this goes is bounded by the length of a plain path.
            yield from _folder(entry.path, prefix + name, notes)


def _file(entry: os.DirEntry[str], path: str, notes: Notes) -> SeenFile | None:
    if media_type_of(entry.name) is None:
        return None
    try:
        checked_path(path)
        status = entry.stat(follow_symlinks=False)
    except (PathRejected, OSError):
        notes.unusable += 1  # an odd name, or gone since the folder was read
        return None
    # Links are left to those who name them: in a scan they would count files twice, or loop.
    if not stat.S_ISREG(status.st_mode):
        notes.unusable += 1
        return None
    return SeenFile.of(path, status)


def is_plain(path: str) -> bool:
    """Whether a path in a media folder is one that can be written down and asked for."""
    try:
        checked_path(path)
    except PathRejected:
        return False
    return True
