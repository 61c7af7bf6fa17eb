"""Watching all media folders: one watcher each, which begins when its folder was scanned and ends when it is away.

The system's watches are for all of them together: a folder that does not fit in beside those before it is left to the
scans. A folder that was taken away and came back, or over which another disk was mounted, is not the one that is
watched any more; it is begun anew with the next scan of it.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from .watcher import SHARE, Watcher, allowed_watches

log = logging.getLogger("mam.watch")


class Watchers:
    """The watchers of the folders, by the first part of their files' paths ("" is that of MEDIA_PATH)."""

    def __init__(self, folders: Mapping[str, Path], heard: threading.Event) -> None:
        self._watchers = {name: Watcher(folder, heard) for name, folder in folders.items()}
        self._told: set[str] = set()

    def follow(self, scanned: Mapping[str, int]) -> None:
        """Watch the folders that were scanned, each with so many folders in it, and no others."""
        limit, used = allowed_watches(), 0
        for name, watcher in self._watchers.items():
            folders = scanned.get(name)
            if folders is None:
                watcher.stop()
            elif limit is not None and used + folders > SHARE * limit:
                watcher.stop()
                self._tell(name, folders, limit)
            else:
                used += folders
                watcher.keep()

    def take(self) -> list[tuple[str, str]]:
        """Return what changed since the last call: the name of a media folder and a folder in it, "" for all of it."""
        # Of what happens to the folder itself, such as another disk over it, the system tells nothing.
        changed = [(name, "") for name, watcher in self._watchers.items() if watcher.has_lost]
        for name, watcher in self._watchers.items():
            # A folder of MEDIA_PATH with the name of another media folder is not seen.
            folders = [folder for folder in watcher.take() if folder.partition("/")[0] not in self._reserved(name)]
            changed += [(name, folder) for folder in folders]
        return changed

    def stop(self) -> None:
        """End every watch."""
        for watcher in self._watchers.values():
            watcher.end()  # all at once; each takes its time
        for watcher in self._watchers.values():
            watcher.stop()

    def _reserved(self, name: str) -> set[str]:
        return set() if name else {other for other in self._watchers if other}

    def _tell(self, name: str, folders: int, limit: int) -> None:
        if name not in self._told:  # once, not after every scan
            self._told.add(name)
            log.warning(
                "%s: %d folders are too many to be watched (the system allows %d watches in all); scans find changes",
                name or "the media folder", folders, limit,
            )  # fmt: skip
