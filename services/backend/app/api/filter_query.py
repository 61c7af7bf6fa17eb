"""From the query of a request, or the ``filter`` of a JSON body, to a checked :class:`AssetFilter`."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from services.backend.app.errors import ApiError, timestamp
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_filter import AssetFilter
from services.backend.app.services.media_types import clean_title

MAX_TEXT = 200
MAX_TAGS = 10
MAX_NUMBER = 2**53

FIELDS = frozenset(
    {
        "q", "type", "status", "format", "tag", "collection", "favorite", "min_rating", "min_size", "max_size",
        "min_duration", "max_duration", "min_width", "max_width", "date_from", "date_to", "trashed",
    }
)  # fmt: skip

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def filter_from(query: Mapping[str, str], tags: Iterable[str] = ()) -> AssetFilter:
    """Read the filter; a bad value is a 400 that says what is allowed."""
    status = choice_from(query, "status", [status.value for status in Status])
    return AssetFilter(
        text=text_from(query, "q", MAX_TEXT),
        media_type=choice_from(query, "type", ("video", "image")),
        status=Status(status) if status else None,
        format=text_from(query, "format", 20),
        tags=_tags(tags),
        collection=_optional(query, "collection"),
        favorite=flag_from(query, "favorite"),
        min_rating=_optional(query, "min_rating", most=5),
        min_size=_optional(query, "min_size"),
        max_size=_optional(query, "max_size"),
        min_duration=_seconds(query, "min_duration"),
        max_duration=_seconds(query, "max_duration"),
        min_width=_optional(query, "min_width"),
        max_width=_optional(query, "max_width"),
        date_from=_moment(query, "date_from"),
        date_to=_moment(query, "date_to", is_end=True),
        trashed=flag_from(query, "trashed") or False,
    )


def number_from(query: Mapping[str, str], name: str, *, default: int, most: int, least: int = 1) -> int:
    """Return a whole number of the query, or ``default``; a 400 says what is allowed."""
    text = query.get(name)
    if text is None:
        return default
    # [0-9] and not \d: int() would take digits of every script.
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise ApiError(400, f"{name} must be a whole number from {least} to {most}")
    return int(text)


def choice_from(query: Mapping[str, str], name: str, allowed: Iterable[str]) -> str | None:
    """Return one of the allowed words, or None when it is not given."""
    text = query.get(name)
    if text is None or text in allowed:
        return text
    raise ApiError(400, f"{name} must be one of: {', '.join(allowed)}")


def flag_from(query: Mapping[str, str], name: str) -> bool | None:
    """Return whether it is ``true`` or ``false``; None when it is not given."""
    text = choice_from(query, name, ("true", "false", "1", "0"))
    return None if text is None else text in {"true", "1"}


def text_from(query: Mapping[str, str], name: str, most: int) -> str | None:
    """Return a text without blanks around it; None when there is nothing in it."""
    text = query.get(name, "")
    if len(text) > most or "\0" in text:
        raise ApiError(400, f"{name} must be at most {most} characters, without NUL")
    # Names have no invisible characters either, so what was copied from elsewhere with some still finds them.
    return clean_title(text) or None


def _optional(query: Mapping[str, str], name: str, most: int = MAX_NUMBER) -> int | None:
    return number_from(query, name, default=0, least=0, most=most) if name in query else None


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    names = tuple(text for tag in tags if (text := text_from({"tag": tag}, "tag", MAX_TEXT)))
    if len(names) > MAX_TAGS:
        raise ApiError(400, f"tag can be given {MAX_TAGS} times")
    return names


def _seconds(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise ApiError(400, f"{name} must be a number of seconds such as 12.5")
    return float(text)


def _moment(query: Mapping[str, str], name: str, *, is_end: bool = False) -> str | None:
    """Return a day or a moment in the form that the database compares; a day as an end is meant with all its hours."""
    text = query.get(name)
    if text is None:
        return None
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
            return timestamp(datetime.combine(day, time(), UTC))
        moment = datetime.fromisoformat(text)
        return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ApiError(400, f"{name} must be a day or a moment in UTC, such as 2026-01-31T12:00:00Z") from None
