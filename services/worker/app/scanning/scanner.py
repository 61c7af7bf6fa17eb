"""A scan: the media folder and the library laid side by side.

Both come in the order of their paths, so that memory stays small whatever their size. Rows of new files are written in
batches while the walk goes on: cards appear at once, their metadata and thumbnails follow as jobs. A file whose size,
time and inode are known is not touched. A new path whose file was known under another one is a move, and keeps its id.
Nothing is ever deleted; what is missing is `offline`, unless so much is missing that the root is. Before that is said,
the other roots are looked through: the files may have moved there.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from services.backend.app.models.asset import Status
from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import KnownFile, NewFile, ScanStore
from services.backend.app.models.seen_file import SeenFile
from services.backend.app.services.media_root import MediaRoot
from services.backend.app.services.media_types import media_type_of, title_of

from .batch import Batches
from .late_moves import LateMoves
from .moves import Moves
from .root_guard import why_away, why_doubtful
from .walk import Notes, walk
from .whereabouts import Whereabouts

log = logging.getLogger("mam.scan")


class RootAway(Exception):
    """The scan changed nothing more: the root is offline, for the reason in the text."""


@dataclass(slots=True)
class ScanResult:
    """How many files a scan saw, how many assets it changed, and what it could not use."""

    files: int = 0
    created: int = 0
    changed: int = 0
    moved: int = 0
    returned: int = 0
    missing: int = 0
    skipped: int = 0
    folders: int = 0

    @property
    def is_news(self) -> bool:
        """Whether the scan changed anything."""
        return bool(self.created or self.changed or self.moved or self.returned or self.missing)

    def to_json(self) -> dict[str, int]:
        """Return the figures."""
        return asdict(self)


class Scanner:
    """Makes the library agree with a folder. One thread at a time."""

    def __init__(self, root: MediaRoot, scans: ScanStore, roots: RootStore, *, name: str = "") -> None:
        """``name`` is the first part of the paths of a further root, "" for that of MEDIA_PATH."""
        self._root = root
        self._name = name
        self._folder = root.place_of(f"{name}/")[0].folder if name else root.folder
        self._scans = scans
        self._roots = roots
        self._whereabouts = Whereabouts(root, roots)
        self._late_moves = LateMoves(root, scans.copies, self._whereabouts)

    def scan(
        self,
        folder: str = "",
        *,
        accept_missing: bool = False,
        stopped: Callable[[ScanResult], bool],
        elsewhere: Callable[[], bool] = lambda: True,
    ) -> ScanResult:
        """Scan ``folder`` and all beneath it; ``stopped`` is asked now and then, and ends the scan early.

        ``elsewhere`` looks for moves into other roots when too much is missing; it is False when that was cut short.
        Raises RootAway when the root is offline, or is now.
        """
        self._check(None)
        base = os.path.realpath(self._folder)
        status, notes = os.stat(base), Notes(reserved=frozenset() if self._name else self._root.reserved)
        expected = self._scans.count()
        result = ScanResult()
        walked = walk(base, folder, notes, prefix=f"{self._name}/" if self._name else "")
        missing = self._compared(walked, folder, notes, result, stopped)
        if missing is None:
            return result
        if not accept_missing and self._may_have_moved(missing, expected, status):
            if not elsewhere():
                return result
            missing = self._scans.still_here(missing)
        result.skipped, result.folders = notes.unusable, notes.folders
        # The disk may have gone between the walk and here: then everything was missing, and nothing is.
        self._check(None if accept_missing else self._doubt(missing, expected, status))
        result.missing = self._scans.miss(missing) if missing else 0
        if not folder:
            self._roots.scanned(status.st_dev, status.st_ino)
        return result

    def _compared(
        self,
        walked: Iterator[SeenFile],
        folder: str,
        notes: Notes,
        result: ScanResult,
        stopped: Callable[[ScanResult], bool],
    ) -> list[int] | None:
        """Write what is new, changed, moved or back, and return the ids of what is missing; None: it was stopped."""
        batches = Batches(self._scans)
        whereabouts = self._whereabouts
        moves = Moves(self._root, self._scans.moves, whereabouts)
        missing: list[int] = []
        for seen, known in side_by_side(walked, self._scans.known("/".join(filter(None, (self._name, folder))))):
            if stopped(result):
                batches.flush(result)
                return None
            file = seen
            if file is None and known is not None and not known.trashed and not notes.hides(known.path):
                file, is_missed = _passed_over(known, notes, whereabouts)
                missing += [known.id] if is_missed else []
            if file is not None:
                result.files += 1
                _sort(file, known, batches, moves, result)
        batches.flush(result)
        return moves.without_moved(missing)

    def _may_have_moved(self, missing: list[int], expected: int, status: os.stat_result) -> bool:
        """Whether so much is missing that the root would be offline now, which it was not."""
        return self._roots.get().offline_since is None and self._doubt(missing, expected, status) is not None

    def _doubt(self, missing: list[int], expected: int, status: os.stat_result) -> str | None:
        root = self._roots.get()
        doubt = why_doubtful(len(missing), expected, root, status)
        if doubt is None or (root.device, root.inode) != (status.st_dev, status.st_ino):
            return doubt
        return why_doubtful(len(missing) - self._late_moves.count(missing), expected, root, status)

    def _check(self, doubt: str | None) -> None:
        reason = why_away(self._folder) or doubt
        if reason is None:
            return
        if self._roots.go_offline(reason):
            log.warning("%s is offline and the library stays as it is: %s", self._name or "the media folder", reason)
        raise RootAway(reason)


def _passed_over(known: KnownFile, notes: Notes, whereabouts: Whereabouts) -> tuple[SeenFile | None, bool]:
    """Look for a known file that the walk did not give: it, or whether its asset is offline from now on."""
    is_other_root = known.path.partition("/")[0] in notes.reserved
    try:
        file = None if is_other_root else whereabouts.look(known.path)
    except OSError:
        return None, False
    return file, file is None and known.status != Status.OFFLINE


def side_by_side(
    seen: Iterator[SeenFile], known: Iterator[KnownFile]
) -> Iterator[tuple[SeenFile | None, KnownFile | None]]:
    """Pair files and rows of the same path; both must come in the order of their paths."""
    file, row = next(seen, None), next(known, None)
    while file is not None or row is not None:
        if row is None or (file is not None and file.path < row.path):
            yield file, None
            file = next(seen, None)
        elif file is None or row.path < file.path:
            yield None, row
            row = next(known, None)
        else:
            yield file, row
            file, row = next(seen, None), next(known, None)


def _sort(seen: SeenFile, known: KnownFile | None, batches: Batches, moves: Moves, result: ScanResult) -> None:
    """Decide what a file that was seen means."""
    if known is None:
        if moves.is_one(seen):
            result.moved += 1
        else:
            batches.add(_new(seen), result)
    elif known.trashed:
        return
    elif (known.size, known.mtime_ns) != (seen.size, seen.mtime_ns):
        batches.change(known.id, seen, result)
    elif known.status == Status.OFFLINE:
        batches.come_back(known.id, seen, result)
    elif known.inode != seen.inode:
        batches.identify(known.id, seen, result)


def _new(seen: SeenFile) -> NewFile:
    media_type = media_type_of(seen.path)
    assert media_type is not None, "the walk gives known types only"
    return NewFile(
        seen=seen,
        media_type=media_type.kind,
        mime_type=media_type.mime_type,
        format=media_type.name,
        title=title_of(seen.path),
    )
