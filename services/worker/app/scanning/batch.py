"""Changes of a scan, gathered and written some hundred at a time."""

from typing import Protocol

from services.backend.app.models.scan_store import NewFile, ScanStore
from services.backend.app.models.seen_file import SeenFile

BATCH = 500


class Counts(Protocol):
    """What is counted."""

    created: int
    changed: int
    returned: int


class Batches:
    """Holds what is to be written; each transaction is short, so that nobody who writes beside us waits long."""

    def __init__(self, scans: ScanStore) -> None:
        self._scans = scans
        self._new: list[NewFile] = []
        self._changed: list[tuple[int, SeenFile]] = []
        self._returned: list[tuple[int, SeenFile]] = []
        self._identified: list[tuple[int, SeenFile]] = []

    def add(self, file: NewFile, counts: Counts) -> None:
        """Take a file that is new."""
        self._new.append(file)
        self._flush_if_full(self._new, counts)

    def change(self, asset_id: int, seen: SeenFile, counts: Counts) -> None:
        """Take a file that was written to."""
        self._changed.append((asset_id, seen))
        self._flush_if_full(self._changed, counts)

    def come_back(self, asset_id: int, seen: SeenFile, counts: Counts) -> None:
        """Take a file that is there again as it was."""
        self._returned.append((asset_id, seen))
        self._flush_if_full(self._returned, counts)

    def identify(self, asset_id: int, seen: SeenFile, counts: Counts) -> None:
        """Take a file whose inode is not known, or is another one with the same size and time."""
        self._identified.append((asset_id, seen))
        self._flush_if_full(self._identified, counts)

    def flush(self, counts: Counts) -> None:
        """Write everything."""
        if self._new:
            counts.created += self._scans.add(self._new)
        if self._changed:
            self._scans.change(self._changed)
        if self._returned:
            self._scans.come_back(self._returned)
        if self._identified:
            self._scans.identify(self._identified)
        counts.changed += len(self._changed)
        counts.returned += len(self._returned)
        for batch in (self._new, self._changed, self._returned, self._identified):
            batch.clear()

    def _flush_if_full(self, batch: list[NewFile] | list[tuple[int, SeenFile]], counts: Counts) -> None:
        if len(batch) >= BATCH:
            self.flush(counts)
