"""Files that clients send: the part that has arrived, and the way of a whole one into the library.

    <media>/uploads/.parts/<id>.part        what has arrived; hidden, so no scan takes it for a medium
    <media>/uploads/2026/11/<name>-<mark>.jpg   where it lies in the end, by a rename on the same disk

The final name is chosen when the upload begins and stands in its row. So finishing can be repeated: a
process that dies in the middle of it leaves a row that is complete without an asset, and whoever asks
for that upload next finishes it.
"""

import logging
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from services.backend.app.errors import ApiError
from services.backend.app.models.asset import Asset
from services.backend.app.models.asset_store import AssetStore, FoundFile
from services.backend.app.models.database import Database
from services.backend.app.models.upload_rows import OPEN_FOR, Upload, UploadRows

from .content_hash import quick_hash
from .file_names import safe_stem
from .media_root import MediaRoot, closed
from .media_types import HEAD_BYTES, MediaType, clean_title, media_type_of, mismatch, supported_types, title_of
from .twin_finder import TwinFinder

UPLOADS = "uploads"
MAX_OPEN = 100
MAX_BYTES = 64 * 1024**3
RESERVE_BYTES = 64 * 1024**2
"""Stays free on the disk: a full disk stops more than uploads."""

log = logging.getLogger("mam.files")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a whole file: the asset, and whether it was there before."""

    asset: Asset
    is_duplicate: bool


class UploadStore:
    """Begins, holds and finishes uploads. Its methods read and write files: they belong into threads."""

    def __init__(self, database: Database, root: MediaRoot) -> None:
        self.rows = UploadRows(database)
        self._assets = AssetStore(database)
        self._twins = TwinFinder(database, root)
        self._root = root
        # Only files of one size can be the same. One that takes minutes to compare shall not hold up all others.
        self._finishing = [threading.Lock() for _ in range(MAX_OPEN)]

    @property
    def parts(self) -> Path:
        """The folder of what is not whole yet."""
        return self._root.folder / UPLOADS / ".parts"

    def begin(self, name: str, *, title: str | None, length: int, checksum: str | None) -> Upload:
        """Begin a resumable upload; raises ApiError 400, 413, 429 or 507."""
        self.remove_expired()
        target = self.target_of(name)
        if not 0 < length <= MAX_BYTES:
            raise ApiError(413 if length else 400, f"a file must have 1 to {MAX_BYTES} bytes")
        if self.rows.count_open() >= MAX_OPEN:
            raise ApiError(429, f"{MAX_OPEN} uploads are under way; finish or delete some")
        self.require_room(length + self.rows.bytes_due())
        upload_id = secrets.token_hex(16)
        self.make_parts_folder()
        os.close(os.open(self.part_of(upload_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        title = clean_title(title or "") or title_of(name)
        try:
            upload = self.rows.create(upload_id, file_name=target, title=title, length=length, checksum=checksum)
        except BaseException:
            self.part_of(upload_id).unlink(missing_ok=True)  # nobody knows of it
            raise
        log.info("upload %s begins: %d bytes as %r", upload_id[:8], length, target)
        return upload

    def target_of(self, name: str) -> str:
        """Return where a file of this name shall lie; raises ApiError 400 for a type that is not supported."""
        suffix = PurePosixPath(name).suffix.lower()
        if media_type_of(name) is None:
            raise ApiError(400, f"this type of file is not supported; supported are {supported_types()}")
        return f"{UPLOADS}/{datetime.now(UTC):%Y/%m}/{safe_stem(name)}-{secrets.token_hex(4)}{suffix}"

    def part_of(self, upload_id: str) -> Path:
        """Return the file that holds what has arrived."""
        return self.parts / f"{upload_id}.part"

    def make_parts_folder(self) -> None:
        """Make the folder of parts; raises ApiError 409 when the media folder cannot be written."""
        self._make_folder(self.parts)

    def require_room(self, size: int) -> None:
        """Raise ApiError 507 when the disk has not so many bytes, 409 when the media folder is not there."""
        try:
            free = shutil.disk_usage(self._root.folder).free
        except OSError:
            raise ApiError(409, "the media folder is not there at the moment") from None
        if size + RESERVE_BYTES > free:
            raise ApiError(507, "there is not enough room on the disk for this file")

    def finish(self, upload: Upload) -> Outcome:
        """Make an asset of a whole upload, or find that it has been made; raises ApiError 400 for a wrong content."""
        with self._finishing[upload.length % len(self._finishing)]:
            upload = self.rows.get(upload.id) or upload
            asset = self._assets.any(upload.asset_id) if upload.asset_id is not None else None
            if asset is not None:
                return Outcome(asset, upload.is_duplicate)
            try:
                outcome = self.adopt(self.part_of(upload.id), upload.file_name, title=upload.title)
            except ApiError as error:
                # A wrong content stays wrong; a media folder that is not there comes back.
                if error.status in {400, 410}:
                    self.discard(upload.id)
                raise
            self.rows.finish(upload.id, outcome.asset.id, is_duplicate=outcome.is_duplicate)
        return outcome

    def adopt(self, part: Path, target: str, *, title: str) -> Outcome:
        """Take a whole file into the library under ``target``; the part is gone afterwards."""
        media_type = media_type_of(target)
        assert media_type is not None
        if not part.exists():
            return self._registered(target, title, media_type)  # renamed already, by a process that died then
        twin = self._twin_of(part, media_type)
        if twin is not None:
            part.unlink(missing_ok=True)
            log.info("an upload is asset %d again; it is not kept twice", twin.id)
            return Outcome(twin, is_duplicate=True)
        place = self._root.folder / target
        self._make_folder(place.parent)
        part.rename(place)
        try:
            return self._registered(target, title, media_type)
        except BaseException:
            # Not taken in, so it must not lie where a scan would take it in after all.
            with suppress(OSError):
                place.rename(part)
            raise

    def discard(self, upload_id: str) -> bool:
        """Forget an upload and what has arrived of it; False when there is none."""
        with suppress(OSError):
            self.part_of(upload_id).unlink(missing_ok=True)
        return self.rows.remove(upload_id)

    def remove_expired(self) -> int:
        """Remove what nobody went on with for a day, and parts without a row; return how many files."""
        for upload_id in self.rows.remove_expired():
            with suppress(OSError):
                self.part_of(upload_id).unlink(missing_ok=True)
        before, removed = time.time() - OPEN_FOR.total_seconds(), 0
        for part in self.parts.glob("*"):
            with suppress(OSError):
                if part.stat().st_mtime < before and self.rows.get(part.stem) is None:
                    part.unlink()
                    removed += 1
        return removed

    def _twin_of(self, part: Path, media_type: MediaType) -> Asset | None:
        with open(part, "rb") as file:
            os.fsync(file.fileno())
            reason = mismatch(media_type, os.pread(file.fileno(), HEAD_BYTES, 0))
            if reason:
                raise ApiError(400, reason)
            return self._twins.find(file.fileno())

    def _registered(self, target: str, title: str, media_type: MediaType) -> Outcome:
        try:
            descriptor = self._root.open(target)
        except FileNotFoundError:
            raise ApiError(410, "what has arrived is gone; begin anew") from None
        try:
            status, quick = os.fstat(descriptor), quick_hash(descriptor)
        finally:
            closed(descriptor)
        found = FoundFile(
            path=target,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            media_type=media_type.kind,
            mime_type=media_type.mime_type,
            format=media_type.name,
            title=title,
            quick_hash=quick,
        )
        asset, _ = self._assets.register(found, restore=True)
        log.info("asset %d is uploaded: %r", asset.id, target)
        return Outcome(asset, is_duplicate=False)

    def _make_folder(self, folder: Path) -> None:
        if not self._root.is_readable():
            # A folder made where a disk is to be mounted would hide that it is not.
            raise ApiError(409, "the media folder is not there at the moment")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ApiError(409, f"the media folder cannot be written: {error.strerror}") from None
