"""Moves that were first seen as copies.

A move to another disk copies everything, which takes its time, and then deletes the originals. A scan in between finds
copies: assets of their own. When an original goes within a day of its copy, and nobody has done anything
with the copy's asset meanwhile, it was a move: the original's asset gets the file, and that of the copy goes.
"""

import logging
import os
from posixpath import basename

from services.backend.app.models.copy_store import CopyStore, Heir
from services.backend.app.models.move_store import Lost
from services.backend.app.services.media_root import MediaRoot
from services.backend.app.services.media_types import title_of

from .whereabouts import Whereabouts

AT_ONCE = 500
"""So many are joined in one call at most: who calls has a lease to renew."""

log = logging.getLogger("mam.scan")


class LateMoves:
    """Those of all roots."""

    def __init__(self, root: MediaRoot, store: CopyStore, whereabouts: Whereabouts) -> None:
        self._root = root
        self._store = store
        self._whereabouts = whereabouts
        self._looked_at: int | None = None

    def find(self) -> int:
        """Join originals that went with their copies; return how many. It looks only after a change of the library."""
        rev = self._store.rev
        if rev == self._looked_at:
            return 0
        taken: set[int] = set()
        # Of several with one content, the one that is called the same.
        pairs = sorted(self._store.went(), key=lambda pair: basename(pair[0].path) != basename(pair[1].seen.path))
        for lost, heir in pairs:
            if len(taken) >= 2 * AT_ONCE:
                break
            if not taken & {lost.id, heir.id} and self._is_one(lost, heir) and self._store.inherit(lost, heir):
                taken |= {lost.id, heir.id}
        self._looked_at = None if taken else rev  # there may be more
        if taken:
            log.info("%d files that came as copies were moves: their originals are gone", len(taken) // 2)
        return len(taken) // 2

    def count(self, missing: list[int]) -> int:
        """Return how many of the missing have a copy that will be theirs: of these no disk is missing."""
        pairs, found = self._store.with_copies(missing), set[int]()
        for lost, heir in pairs:
            if lost.id not in found and self._is_one(lost, heir, even_offline=True):
                found.add(lost.id)
        return len(found)

    def _is_one(self, lost: Lost, heir: Heir, *, even_offline: bool = False) -> bool:
        is_untouched = heir.title == title_of(heir.seen.path)
        return is_untouched and self._whereabouts.has_left(lost, even_offline=even_offline) and self._is_there(heir)

    def _is_there(self, heir: Heir) -> bool:
        root, inner = self._root.place_of(heir.seen.path)
        try:
            status = os.lstat(os.path.join(root.folder, inner))
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (heir.seen.size, heir.seen.mtime_ns)
