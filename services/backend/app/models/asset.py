"""An asset: one media file that the library knows."""

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from services.backend.app import answers


class Status(StrEnum):
    """Where an asset is on its way; ``error`` says why it is ``failed``."""

    QUEUED = "queued"
    EXTRACTING = "extracting"
    THUMBNAILING = "thumbnailing"
    READY = "ready"
    FAILED = "failed"
    OFFLINE = "offline"
    """Its file is not there at the moment: an unmounted disk is not a deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One row of ``media_assets``. ``file_path`` is relative to the media folder."""

    id: int
    title: str
    file_path: str
    file_size: int
    mime_type: str
    media_type: str
    status: Status
    error: str | None
    attempts: int
    created_at: str
    updated_at: str
    rev: int
    mtime_ns: int
    thumbnail_key: str | None
    width: int | None
    height: int | None
    duration: float | None
    codec: str | None
    fps: float | None
    container_format: str | None
    bit_rate: int | None
    format: str | None
    tags: tuple[str, ...]
    rating: int | None
    favorite: bool
    thumbhash: str | None
    taken_at: str | None
    offline_since: str | None
    deleted_at: str | None
    duplicate_of: int | None
    """The oldest asset with the same bytes, once both were hashed."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> "Asset":
        """Build it from a row that was selected with :data:`COLUMNS`."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        values["status"] = Status(values["status"])
        values["tags"] = tuple(json.loads(values["tags"]))
        values["favorite"] = bool(values["favorite"])
        return cls(**values)

    def to_json(self) -> "answers.Asset":
        """Return the API's form: the fields of seed 001, and what was added to them since."""
        known: answers.Asset = {
            "id": self.id,
            "title": self.title,
            "file_path": self.file_path,
            "mime_type": self.mime_type,
            "file_size": self.file_size,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "media_metadata": self._metadata(),
            "type": self.media_type,
            "status": self.status.value,
            "error": self.error,
            "rev": self.rev,
            "tags": list(self.tags),
            "rating": self.rating,
            "favorite": self.favorite,
            "thumbhash": self.thumbhash,
            "taken_at": self.taken_at,
            "deleted_at": self.deleted_at,
        }
        if self.duplicate_of is not None:
            known["duplicate_of"] = self.duplicate_of
        return known

    def _metadata(self) -> "answers.MediaMetadata":
        """Return what is known; a member that is not known is absent."""
        # Without the API prefix, as seed 001 asks: the route answers under both names.
        url = f"/thumbnails/{self.thumbnail_key}.jpg" if self.thumbnail_key else None
        known = {
            "width": self.width,
            "height": self.height,
            "duration": self.duration,
            "thumbnail_url": url,
            "codec": self.codec,
            "fps": self.fps,
            "container_format": self.container_format,
            "bit_rate": self.bit_rate,
        }
        return cast("answers.MediaMetadata", {name: value for name, value in known.items() if value is not None})


# Asked each time and not stored: it would change for a thousand copies when the oldest of them goes.
_DUPLICATE_OF = (
    "(SELECT min(twin.id) FROM media_assets AS twin WHERE twin.content_hash = media_assets.content_hash"
    " AND twin.deleted_at IS NULL AND twin.id < media_assets.id) AS duplicate_of"
)
COLUMNS = ", ".join(name if name != "duplicate_of" else _DUPLICATE_OF for name in Asset.__dataclass_fields__)
