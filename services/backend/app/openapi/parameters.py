"""What requests carry beside their body. The limits are those of the parsers themselves."""

from typing import Any

from services.backend.app.api import events, filter_query, jobs, listing_query
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_page import SORTS
from services.backend.app.models.job import Kind, State
from services.backend.app.native.upload_headers import ALGORITHMS, VERSION

from .schema import Schema

MAX_ID = 2**63 - 1
TEXT = {"type": "string"}
FLAG = {"type": "string", "enum": ["true", "false", "1", "0"]}


def whole(least: int = 0, most: int = filter_query.MAX_NUMBER, **more: Any) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, **more}


def _text(most: int) -> Schema:
    return {"type": "string", "maxLength": most}


def _word(*words: str, **more: Any) -> Schema:
    return {"type": "string", "enum": list(words), **more}


_SECONDS = {"type": "number", "minimum": 0, "maximum": 999_999_999}
_DAY = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}

_FILTER: dict[str, tuple[Schema, str]] = {
    "q": (_text(filter_query.MAX_TEXT), "Beginnings of words in title, path and tags."),
    "type": (_word("video", "image"), "What kind of file."),
    "status": (_word(*Status), "Where it is on its way."),
    "format": (_text(20), "Such as JPEG or MP4."),
    "tag": (
        {"type": "array", "items": _text(filter_query.MAX_TEXT), "maxItems": filter_query.MAX_TAGS},
        "May be given several times; all have to fit.",
    ),
    "collection": (whole(), "The id of a collection that it is in."),
    "favorite": (FLAG, "Whether it is a favorite."),
    "min_rating": (whole(most=5), "Stars, at least."),
    "min_size": (whole(), "Bytes."),
    "max_size": (whole(), "Bytes."),
    "min_duration": (_SECONDS, "Seconds."),
    "max_duration": (_SECONDS, "Seconds."),
    "min_width": (whole(), "Pixels."),
    "max_width": (whole(), "Pixels."),
    "date_from": (_DAY, "When it came into the library; a day or a moment in UTC."),
    "date_to": (_DAY, "A day is meant with all its hours."),
    "trashed": (FLAG, "What is in the trash instead."),
}


def query(name: str, schema: Schema, about: str = "") -> Schema:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": about, "schema": schema}


def header(name: str, schema: Schema, about: str = "", *, required: bool = False) -> Schema:
    """Return a header that a request may carry."""
    return {"name": name, "in": "header", "description": about, "required": required, "schema": schema}


FILTER = [query(name, *described) for name, described in _FILTER.items()]
LISTING = [
    query("page", whole(1, listing_query.MAX_PAGE, default=1), "Not together with cursor."),
    query("cursor", _text(listing_query.MAX_CURSOR), "The next_cursor of the page before; as quick at any depth."),
    query("per_page", whole(1, listing_query.MAX_PER_PAGE, default=50)),
    query("sort", _word(*SORTS, default="updated_at")),
    query("order", _word("asc", "desc", default="desc")),
    *FILTER,
]
DELETION = [
    query("permanent", FLAG, "Forget the asset instead of putting it into the trash."),
    query("delete_file", FLAG, "With permanent=true: delete its file too, where that is allowed."),
]
DUPLICATES = [
    query("after", _text(64), "The next_after of the page before."),
    query("limit", whole(1, 100, default=50)),
]
EVENTS = [
    query("since", whole(0, events.MAX_SEQ, default=0), "Events after this number."),
    query("limit", whole(1, events.MAX_LIMIT, default=500)),
    query("epoch", TEXT, "That of the numbers; another one than the server's is a 410."),
]
JOBS = [
    query("state", _word(*State)),
    query("kind", _word(*Kind)),
    query("before", whole(1, jobs.MAX_ID), "The next_before of the page before."),
    query("limit", whole(1, jobs.MAX_PER_PAGE, default=jobs.PER_PAGE)),
]
IF_MATCH = [header("If-Match", TEXT, "The ETag of the revision that was seen; another one by now is a 412.")]
IF_NONE_MATCH = [header("If-None-Match", TEXT, "The ETag that the client has; the same still is a 304.")]
RANGE = [
    header("Range", TEXT, "bytes=first-last, bytes=first-, bytes=-count; several with a comma between them."),
    header("If-Range", TEXT, "The ETag of the file that a part is there of; the whole file when it has changed."),
    *IF_NONE_MATCH,
]
TUS = header("Tus-Resumable", {"type": "string", "const": VERSION}, "Another version is a 412.")
UPLOAD = [
    header("Upload-Length", whole(0, 10**18 - 1), "Bytes.", required=True),
    header("Upload-Metadata", _text(4096), "filename <base64>[,title <base64>]", required=True),
    TUS,
]
PIECE = [
    header("Upload-Offset", whole(0, 10**18 - 1), "Where the body begins.", required=True),
    header("Upload-Checksum", TEXT, f"{' or '.join(ALGORITHMS)}, a blank, and the body's digest in base64."),
    TUS,
]


def in_path(name: str) -> Schema:
    """Return the parameter of a path."""
    schemas = {"name": {"type": "string", "minLength": 1}, "upload_id": {"type": "string", "minLength": 1}}
    return {"name": name, "in": "path", "required": True, "schema": schemas.get(name, whole(0, MAX_ID))}
