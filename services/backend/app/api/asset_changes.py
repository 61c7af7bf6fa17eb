"""From the body of ``PATCH /assets/<id>``, and the parts of bulk operations, to checked values."""

from dataclasses import dataclass
from typing import Any

from services.backend.app.errors import ApiError
from services.backend.app.services.media_types import MAX_TITLE, clean_title

MAX_TAGS = 50
MAX_TAG = 100
MAX_RATING = 5
FIELDS = ("title", "tags", "rating", "favorite")


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be changed: columns, and the tags if they are named."""

    fields: dict[str, Any]
    tags: list[str] | None


def changes_from(body: Any) -> Changes:
    """Check the body; what it does not name stays as it is."""
    if not isinstance(body, dict) or not body or not body.keys() <= set(FIELDS):
        raise ApiError(400, f"the body must be a JSON object with some of: {', '.join(FIELDS)}")
    fields: dict[str, Any] = {}
    if "title" in body:
        fields["title"] = title_from(body["title"])
    if "rating" in body:
        fields["rating"] = rating_from(body["rating"])
    if "favorite" in body:
        fields["favorite"] = int(favorite_from(body["favorite"]))
    return Changes(fields, tags_from(body["tags"]) if "tags" in body else None)


def title_from(value: Any) -> str:
    """Return a title fit to be shown."""
    if not isinstance(value, str) or len(value) > 4 * MAX_TITLE or not clean_title(value):
        raise ApiError(400, f"title must be a string of 1 to {MAX_TITLE} characters")
    return clean_title(value)


def rating_from(value: Any) -> int | None:
    """Return a rating, or None for none."""
    if value is None or (type(value) is int and 0 <= value <= MAX_RATING):
        return value
    raise ApiError(400, f"rating must be a whole number from 0 to {MAX_RATING}, or null")


def favorite_from(value: Any) -> bool:
    """Return whether it is a favorite."""
    if isinstance(value, bool):
        return value
    raise ApiError(400, "favorite must be true or false")


def tags_from(value: Any) -> list[str]:
    """Return the names of tags, each once in whatever case."""
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        raise ApiError(400, f"tags must be a list of at most {MAX_TAGS} names")
    names: dict[str, str] = {}
    for name in map(name_from, value):
        names.setdefault(name.casefold(), name)
    return list(names.values())


def name_from(value: Any) -> str:
    """Return the name of a tag or a collection."""
    name = clean_title(value) if isinstance(value, str) and len(value) <= 4 * MAX_TAG else ""
    if not name or len(name) > MAX_TAG:
        raise ApiError(400, f"a name must be a string of 1 to {MAX_TAG} characters")
    return name
