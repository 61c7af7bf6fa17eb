"""Doing one job for an asset: its metadata, its thumbnail, its sprite, its hash."""

import logging
import os
import time
from collections.abc import Callable
from typing import TypeVar

from services.backend.app.models.asset import Asset
from services.backend.app.models.claim_store import Claim, ClaimStore
from services.backend.app.models.job import Kind
from services.backend.app.services.content_hash import Interrupted, content_hash, quick_hash
from services.backend.app.services.media_root import MediaRoot, PathRejected, closed
from services.backend.app.services.media_types import HEAD_BYTES, MediaType, media_type_of, mismatch
from services.backend.app.services.thumbnail_store import ThumbnailStore
from services.worker.app.decoding.decoder import DecodeFailed, Decoder, DecoderLost, DecoderMissing

ROOT_AWAY_S = 5.0
SETTLE_S = 1.0

T = TypeVar("T")

log = logging.getLogger("mam.media")


class Trouble(Exception):
    """Nothing can be done at the moment, for a reason that is no file's: the disk is full, the decoder is missing."""


class Processor:
    """Does the jobs of one lane, with the decoder of that lane."""

    def __init__(
        self,
        root: MediaRoot,
        claims: ClaimStore,
        thumbnails: ThumbnailStore,
        decoder: Decoder,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._claims = claims
        self._thumbnails = thumbnails
        self._decoder = decoder
        self._clock = clock
        self._stopped: Callable[[], bool] = lambda: False
        self._steps = {
            Kind.METADATA: self._describe,
            Kind.THUMBNAIL: self._draw,
            Kind.SPRITE: self._draw_sheet,
            Kind.HASH: self._hash,
        }

    def process(self, claim: Claim, *, stopped: Callable[[], bool]) -> Asset | None:
        """Do the job and store what came of it; returns the asset as it is then, None if that is not ours to say.

        Raises Trouble when the job went back into the queue through no fault of its file.
        """
        self._stopped = stopped
        try:
            return self._do(claim)
        except Interrupted:
            self._claims.release(claim)
            return None
        except DecodeFailed as error:
            return self._told(claim, self._claims.fail(claim, str(error)))
        except DecoderLost as error:
            if stopped():
                self._claims.release(claim)
                return None
            return self._told(claim, self._claims.retry(claim, str(error), self._clock()))
        except DecoderMissing as error:
            self._claims.release(claim)
            raise Trouble(str(error)) from error

    def _do(self, claim: Claim) -> Asset | None:
        asset = claim.asset
        assert asset is not None, "a scan is not for a lane"
        try:
            return self._do_with(claim, asset.file_path)
        except (DecodeFailed, FileNotFoundError) as error:
            if not self._root.place_of(asset.file_path)[0].is_readable():
                # The whole disk is away or closed to us, which the scout notes; the file is neither missing nor broken.
                self._claims.release(claim, due_at=self._clock() + ROOT_AWAY_S)
                return None
            if isinstance(error, FileNotFoundError):
                return self._told(claim, self._claims.go_offline(claim))
            raise

    def _do_with(self, claim: Claim, path: str) -> Asset | None:
        try:
            descriptor = self._root.open(path)
        except FileNotFoundError:
            raise
        except (PathRejected, OSError) as error:
            raise DecodeFailed(_reason(error)) from error
        try:
            return self._steps[claim.kind](claim, descriptor, _checked_type(path, descriptor))
        except DecodeFailed:
            if not self._is_settling(descriptor):
                raise
            self._claims.release(claim, due_at=self._clock() + SETTLE_S)
            return None
        finally:
            closed(descriptor)

    def _describe(self, claim: Claim, descriptor: int, media_type: MediaType) -> Asset | None:
        metadata, _ = self._decoder.request("describe", descriptor=descriptor, demuxer=media_type.demuxer)
        return self._claims.describe(claim, metadata, quick_hash=_read(quick_hash, descriptor))

    def _draw(self, claim: Claim, descriptor: int, media_type: MediaType) -> Asset | None:
        started = time.monotonic()
        value, picture = self._decoder.request("thumbnail", descriptor=descriptor, demuxer=media_type.demuxer)
        key = self._stored(claim, picture)
        ready = self._claims.finish(
            claim, thumbnail_key=key, thumbhash=value["thumbhash"], shown=(value.get("width"), value.get("height"))
        )
        if ready is not None:
            log.info("asset %d is ready after %.2f s: %r", ready.id, time.monotonic() - started, ready.file_path)
        return ready

    def _draw_sheet(self, claim: Claim, descriptor: int, media_type: MediaType) -> None:
        places, sheet = self._decoder.request("sprite", descriptor=descriptor, demuxer=media_type.demuxer)
        self._claims.finish_sprite(claim, key=self._stored(claim, sheet), places=places)

    def _hash(self, claim: Claim, descriptor: int, _media_type: MediaType) -> None:
        # A large file takes minutes, and the worker may have to end before.
        self._claims.finish_hash(claim, _read(lambda fd: content_hash(fd, stopped=self._stopped), descriptor))

    def _stored(self, claim: Claim, picture: bytes) -> str:
        try:
            return self._thumbnails.put(picture)
        except OSError as error:
            # A full disk or a lost folder is no fault of the file: it waits until it can be written.
            self._claims.release(claim)
            raise Trouble(f"thumbnails cannot be written: {error.strerror}") from error

    def _is_settling(self, descriptor: int) -> bool:
        """Whether the file was written to just now: half a file that is being copied is not broken."""
        return 0 <= self._clock() - os.fstat(descriptor).st_mtime < SETTLE_S

    def _told(self, claim: Claim, after: Asset | None) -> Asset | None:
        if after is not None:
            log.warning("asset %d is %s: %s (%r)", after.id, after.status, after.error or claim.kind, after.file_path)
        return after


def _checked_type(path: str, descriptor: int) -> MediaType:
    media_type = media_type_of(path)
    if media_type is None:
        raise DecodeFailed("the file's type is not supported")
    reason = mismatch(media_type, _read(lambda fd: os.pread(fd, HEAD_BYTES, 0), descriptor))
    if reason:
        raise DecodeFailed(reason)
    return media_type


def _read(work: Callable[[int], T], descriptor: int) -> T:
    try:
        return work(descriptor)
    except OSError as error:
        raise DecodeFailed(f"the file cannot be read: {error.strerror}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the file cannot be opened: {error.strerror or type(error).__name__}"
    return str(error)
