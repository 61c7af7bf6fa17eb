"""One asset's way from ``queued`` to ``ready`` or ``failed``."""

import logging
import os
import time
from collections.abc import Callable

from services.backend.app.models.asset import Asset
from services.backend.app.models.work_store import WorkStore

from .decoder import DecodeFailed, Decoder, DecoderLost, DecoderMissing
from .media_root import MediaRoot, PathRejected, closed
from .media_types import HEAD_BYTES, MediaType, media_type_of, mismatch
from .thumbnail_store import ThumbnailStore

log = logging.getLogger("mam.media")


class Processor:
    """Reads an asset's file and draws its thumbnail; every step is stored and told."""

    def __init__(
        self,
        root: MediaRoot,
        work: WorkStore,
        thumbnails: ThumbnailStore,
        decoder: Decoder,
        *,
        notify: Callable[[Asset], None],
    ) -> None:
        self._root = root
        self._work = work
        self._thumbnails = thumbnails
        self._decoder = decoder
        self._notify = notify

    def process(self, asset: Asset, *, stopped: Callable[[], bool]) -> None:
        """Process a claimed asset. When ``stopped``, it is queued again for the next start."""
        self._notify(asset)
        try:
            self._read(asset)
        except DecodeFailed as error:
            self._tell(asset, self._work.fail(asset.id, str(error)))
        except DecoderLost as error:
            after = self._work.release(asset.id) if stopped() else self._work.retry(asset.id, str(error))
            self._tell(asset, after)
        except DecoderMissing:
            self._work.release(asset.id)
            raise

    def requeue_lost_thumbnails(self) -> int:
        """Queue assets whose thumbnail somebody removed from the disk; return how many."""
        lost = [asset_id for asset_id, key in self._work.ready_thumbnails() if not self._thumbnails.has(key)]
        for asset_id in lost:
            self._work.release(asset_id)
        return len(lost)

    def _read(self, asset: Asset) -> None:
        try:
            descriptor = self._root.open(asset.file_path)
        except FileNotFoundError:
            self._tell(asset, self._work.go_offline(asset.id))
            return
        except (PathRejected, OSError) as error:
            raise DecodeFailed(_reason(error)) from error
        try:
            self._decode(asset, descriptor, _checked_type(asset.file_path, descriptor))
        finally:
            closed(descriptor)

    def _decode(self, asset: Asset, descriptor: int, media_type: MediaType) -> None:
        started = time.monotonic()
        metadata, _ = self._decoder.request("describe", descriptor=descriptor, demuxer=media_type.demuxer)
        described = self._work.describe(asset.id, metadata)
        if described is None:
            return  # meanwhile it went into the trash, or its file changed and it is queued again
        self._notify(described)
        _, picture = self._decoder.request("thumbnail", descriptor=descriptor, demuxer=media_type.demuxer)
        ready = self._work.finish(asset.id, self._thumbnails.put(picture))
        if ready is not None:
            log.info("asset %d is ready after %.2f s: %r", asset.id, time.monotonic() - started, asset.file_path)
            self._notify(ready)

    def _tell(self, before: Asset, after: Asset | None) -> None:
        if after is None:
            return
        log.warning("asset %d is %s: %s (%r)", before.id, after.status, after.error or "no file", before.file_path)
        self._notify(after)


def _checked_type(path: str, descriptor: int) -> MediaType:
    media_type = media_type_of(path)
    if media_type is None:
        raise DecodeFailed("the file's type is not supported")
    try:
        reason = mismatch(media_type, os.pread(descriptor, HEAD_BYTES, 0))
    except OSError as error:
        raise DecodeFailed(f"the file cannot be read: {error.strerror}") from error
    if reason:
        raise DecodeFailed(reason)
    return media_type


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or type(error).__name__}"
    return str(error)
