"""Finding media: compare the media folder with what the library knows.

Nothing is ever deleted by a scan. A file that is not there makes its asset ``offline`` until it is
there again; a folder that cannot be read at all (an unmounted disk) changes nothing.
"""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.backend.app.models.asset import Asset, Status
from services.backend.app.models.asset_store import FoundFile, KnownFile, Outcome
from services.backend.app.models.work_store import WorkStore

from .media_root import MediaRoot, PathRejected, checked_path
from .media_types import media_type_of, title_of

BATCH = 500

log = logging.getLogger("mam.scan")


@dataclass(slots=True)
class ScanResult:
    """How many files a scan found, how many assets it changed, and what it could not use."""

    files: int = 0
    created: int = 0
    changed: int = 0
    missing: int = 0
    skipped: int = 0

    @property
    def is_news(self) -> bool:
        """Whether the scan changed anything."""
        return bool(self.created or self.changed or self.missing)


class Scanner:
    """Walks the media folder and makes the library agree with it."""

    def __init__(self, root: MediaRoot, work: WorkStore, *, notify: Callable[[Asset], None]) -> None:
        self._root = root
        self._work = work
        self._notify = notify
        self._is_lost = False

    def scan(self, *, stopped: Callable[[], bool]) -> ScanResult:
        """Scan once; ``stopped`` is asked between files and ends the scan early."""
        result = ScanResult()
        if not self._root.is_readable():
            if not self._is_lost:
                log.warning("the media folder cannot be read; the library stays as it is")
            self._is_lost = True
            return result
        self._is_lost = False
        known = self._work.known_files()
        batch: list[FoundFile] = []
        for found in self._files(result):
            if stopped():
                return result
            if not _is_news(found, known.pop(found.path, None)):
                continue
            batch.append(found)
            if len(batch) == BATCH:
                self._store(batch, result)
                batch = []
        self._store(batch, result)
        # What is left was not seen.
        self._mark_missing(known, result)
        return result

    def _files(self, result: ScanResult) -> Iterator[FoundFile]:
        base = os.path.realpath(self._root.folder)
        for folder, names, files in os.walk(base, onerror=_say_unreadable):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                found = _found(base, os.path.join(folder, name))
                if found is not None:
                    result.files += 1
                    yield found
                elif media_type_of(name) and not name.startswith("."):
                    result.skipped += 1

    def _store(self, batch: list[FoundFile], result: ScanResult) -> None:
        if not batch:
            return
        for asset, outcome in self._work.register_all(batch):
            if outcome is Outcome.KNOWN:
                continue
            result.created += outcome is Outcome.CREATED
            result.changed += outcome is Outcome.CHANGED
            self._notify(asset)

    def _mark_missing(self, left: dict[str, KnownFile], result: ScanResult) -> None:
        for known in left.values():
            if known.trashed or known.status == Status.OFFLINE:
                continue
            asset = self._work.go_offline(known.id)
            if asset is not None:
                result.missing += 1
                self._notify(asset)


def _is_news(found: FoundFile, known: KnownFile | None) -> bool:
    if known is None:
        return True
    if known.trashed:
        return False
    return known.status == Status.OFFLINE or (known.size, known.mtime_ns) != (found.size, found.mtime_ns)


def _found(base: str, path: str) -> FoundFile | None:
    """Return what a scan knows of a file; None when it is no medium, hidden, or not to be used."""
    media_type = media_type_of(path)
    if media_type is None or os.path.basename(path).startswith("."):
        return None
    try:
        relative = checked_path(os.path.relpath(path, base).replace(os.sep, "/"))
        status = os.lstat(path)
    except (PathRejected, OSError):
        return None  # an odd name, or gone since the folder was read
    # Links are left to those who name them: in a scan they would count files twice, or loop.
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(
        path=relative,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        media_type=media_type.kind,
        mime_type=media_type.mime_type,
        format=media_type.name,
        title=title_of(relative),
    )


def _say_unreadable(error: OSError) -> None:
    log.warning("a folder of the media cannot be read: %s", error.strerror)
