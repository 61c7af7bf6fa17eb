"""What the API answers, as types: the code that makes an answer is checked against them, ``openapi`` is made from them.

A text beside a type says what the member means; a dict adds to its JSON Schema.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from .models.asset import Status
from .models.collection_store import Collection
from .models.job import Job
from .models.tag_store import Tag
from .models.worker_store import KnownWorker

Moment = Annotated[str, {"format": "date-time"}]
AssetStatus = Annotated[str, {"enum": [status.value for status in Status]}]


class Error(TypedDict):
    """What every refusal is."""

    error: Annotated[str, "One sentence for people."]
    timestamp: Moment
    context: NotRequired[Annotated[dict[str, Any], "What it is about, such as asset_id, file_path or stage."]]


class MediaMetadata(TypedDict, total=False):
    """What was read from the file; a member that is not known is absent."""

    width: Annotated[int, "Pixels, as a person sees the picture (the camera may have lain on its side)."]
    height: int
    duration: Annotated[float, "Seconds."]
    thumbnail_url: Annotated[str, "Begins with /thumbnails/; the API's prefix may be put before it."]
    codec: str
    fps: float
    container_format: str
    bit_rate: Annotated[int, "Bits a second."]


class Asset(TypedDict):
    """One media file that the library knows."""

    id: int
    title: str
    file_path: Annotated[str, "Relative to the media folder, with forward slashes; @name/ begins that of another root."]
    mime_type: str
    file_size: Annotated[int, "Bytes."]
    created_at: Moment
    updated_at: Moment
    media_metadata: MediaMetadata
    type: Annotated[str, {"enum": ["video", "image"]}]
    status: AssetStatus
    error: Annotated[str | None, "Why it is failed."]
    rev: Annotated[int, "Rises with every change of the asset; part of its ETag."]
    tags: list[str]
    rating: int | None
    favorite: bool
    thumbhash: Annotated[str | None, "A placeholder of about 25 bytes, in base64."]
    taken_at: Annotated[str | None, "By the camera's own clock, which names no zone."]
    deleted_at: Annotated[str | None, "Since when it is in the trash."]
    duplicate_of: NotRequired[Annotated[int, "The oldest asset with the same content."]]


class AddedAsset(Asset):
    """An asset that was added, or was there before."""

    may_duplicate: NotRequired[
        Annotated[int, "An asset of the same size and ends; duplicate_of says so once a worker has read all bytes."]
    ]


class PageMeta(TypedDict):
    """Where a page lies in its list."""

    page: int
    total: int
    pages: int
    per_page: int
    has_next: bool
    next_cursor: Annotated[str | None, "The cursor of the next page; good for the same filter and order only."]
    total_is_capped: Annotated[bool, "There are more than total: a text is not counted beyond it."]
    rev: Annotated[int, "Rises with every change of the library."]


class AssetPage(TypedDict):
    """One page of assets."""

    items: list[Asset]
    meta: PageMeta


class BulkOutcome(TypedDict):
    """What a bulk operation did."""

    matched: int
    changed: int
    job_id: Annotated[None, "The work is done when the answer comes, so there is no job."]
    dry_run: bool


class Twins(TypedDict):
    """Assets with the same content."""

    hash: str
    is_certain: Annotated[bool, "By BLAKE3 of all bytes; else only by the size and both ends."]
    assets: list[Asset]


class DuplicatePage(TypedDict):
    """Groups of assets with the same content."""

    groups: list[Twins]
    next_after: Annotated[str | None, "The next page's `after`."]


class Statistics(TypedDict):
    """How much there is in the library."""

    assets: int
    bytes: int
    types: Annotated[dict[str, int], "How many assets of each type."]
    statuses: Annotated[dict[str, int], "How many assets of each status."]
    trashed: int
    tags: int
    collections: int


class LineError(TypedDict):
    """A line of an import that was not taken."""

    line: int
    error: str


class ImportOutcome(TypedDict):
    """What became of the lines of an import."""

    lines: int
    created: int
    updated: int
    failed: int
    errors: Annotated[list[LineError], "The first hundred."]


class TagList(TypedDict):
    """Every tag, by name."""

    items: list[Tag]


class CollectionList(TypedDict):
    """Every collection, by name."""

    items: list[Collection]


class ChangedCollection(TypedDict):
    """A collection after assets were put in or taken out."""

    id: int
    name: str
    created_at: Moment
    updated_at: Moment
    rev: int
    assets: int
    added: int
    removed: int


class EventData(TypedDict, total=False):
    """What happened; members that are not known are absent."""

    asset_id: int
    status: str
    rev: int
    error: str
    progress: Annotated[int, "Percent."]
    stage: str | None


class Event(TypedDict):
    """One event, as the WebSocket sends it."""

    type: Annotated[str, {"enum": ["processing_update", "asset_created", "asset_updated", "asset_deleted"]}]
    seq: int
    at: Moment
    data: EventData


class EventPage(TypedDict):
    """Events in their order."""

    events: list[Event]
    latest: int
    oldest: int
    epoch: Annotated[str, "Numbers of another epoch mean nothing here: a backup was restored."]


class JobsMeta(TypedDict):
    """The queue as a whole."""

    counts: Annotated[dict[str, dict[str, int]], "Kind, then state, then how many."]
    paused: bool
    next_before: Annotated[int | None, "The next page's `before`."]


class JobPage(TypedDict):
    """The newest jobs."""

    items: list[Job]
    meta: JobsMeta


class Retried(TypedDict):
    """How many failed jobs are queued again."""

    retried: int


class Paused(TypedDict):
    """Whether the queue is paused."""

    paused: bool


class Root(TypedDict):
    """A media folder."""

    id: int
    name: Annotated[str | None, "As ALLOWED_DIRS has it; null is MEDIA_PATH."]
    status: Annotated[str, {"enum": ["online", "offline"]}]
    offline_since: str | None
    reason: str | None
    scanned_at: str | None


class Health(TypedDict):
    """How the backend is."""

    status: Annotated[str, {"enum": ["healthy", "degraded", "unhealthy"]}]
    services: Annotated[dict[str, bool], "database, websocket, media_processor, processing_queue, file_system."]
    system: Annotated[dict[str, float], "Percent: memory_usage, disk_usage, cpu_usage."]


class Alive(TypedDict):
    """The event loop turns."""

    status: Literal["alive"]


class SocketHealth(TypedDict):
    """The live connections."""

    status: Annotated[str, {"enum": ["healthy", "unhealthy"]}]
    connections: int
    last_ping_age_s: float | None
    dropped: int
    latest_seq: int


class ProcessingHealth(TypedDict):
    """The queue and who works on it."""

    status: Annotated[str, {"enum": ["healthy", "unhealthy"]}]
    reason: str | None
    queued: NotRequired[int]
    active: NotRequired[int]
    failed: NotRequired[int]
    later: NotRequired[Annotated[int, "Sprites and hashes, which come after all else."]]
    paused: NotRequired[bool]
    oldest_age_s: NotRequired[float | None]
    rate_per_s: NotRequired[float]
    workers: NotRequired[list[KnownWorker]]
    roots: NotRequired[list[Root]]


class Session(TypedDict):
    """Whether a browser is let in."""

    needs_token: Annotated[bool, "API_TOKEN is set."]
    is_signed_in: Annotated[bool, "This request carried the token, or none is needed."]


class UploadState(TypedDict):
    """How far an upload is."""

    id: str
    offset: int
    length: int
    expires_at: Moment
    asset_id: int | None
    duplicate_of: int | None
