"""From the query of ``GET /assets`` to a checked :class:`Listing`."""

import re
from collections.abc import Iterable, Mapping

from services.backend.app.errors import ApiError
from services.backend.app.models.asset import Status
from services.backend.app.models.asset_store import SORTS, Listing

MAX_PER_PAGE = 200
MAX_PAGE = 1_000_000
MAX_TEXT = 200


def listing_from(query: Mapping[str, str]) -> Listing:
    """Read page, per_page, sort, order, q, type and status; a bad value is a 400 that says what is allowed."""
    status = _choice(query, "status", [status.value for status in Status])
    return Listing(
        page=number_from(query, "page", default=1, most=MAX_PAGE),
        per_page=number_from(query, "per_page", default=50, most=MAX_PER_PAGE),
        sort=_choice(query, "sort", SORTS) or "updated_at",
        descending=_choice(query, "order", ("asc", "desc")) != "asc",
        text=_text(query),
        media_type=_choice(query, "type", ("video", "image")),
        status=Status(status) if status else None,
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


def _choice(query: Mapping[str, str], name: str, allowed: Iterable[str]) -> str | None:
    text = query.get(name)
    if text is None or text in allowed:
        return text
    raise ApiError(400, f"{name} must be one of: {', '.join(allowed)}")


def _text(query: Mapping[str, str]) -> str | None:
    text = query.get("q", "").strip()
    if len(text) > MAX_TEXT or "\0" in text:
        raise ApiError(400, f"q must be at most {MAX_TEXT} characters, without NUL")
    return text or None
