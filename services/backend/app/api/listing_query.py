"""From the query of ``GET /assets`` to a checked :class:`Listing`, and its cursor to text and back."""

import base64
import binascii
import hashlib
import json

from werkzeug.datastructures import MultiDict

from services.backend.app.errors import ApiError
from services.backend.app.models.asset_page import SORTS, Listing
from services.backend.app.models.cursor import Cursor

from .filter_query import choice_from, filter_from, number_from

MAX_PER_PAGE = 200
MAX_PAGE = 1_000_000
MAX_CURSOR = 2000


def listing_from(query: MultiDict[str, str]) -> Listing:
    """Read page or cursor, per_page, sort, order and the filter; a bad value is a 400 that says what is allowed."""
    listing = Listing(
        filter=filter_from(query, query.getlist("tag")),
        page=number_from(query, "page", default=1, most=MAX_PAGE),
        per_page=number_from(query, "per_page", default=50, most=MAX_PER_PAGE),
        sort=choice_from(query, "sort", SORTS) or "updated_at",
        descending=choice_from(query, "order", ("asc", "desc")) != "asc",
    )
    text = query.get("cursor")
    if text is None:
        return listing
    if "page" in query:
        raise ApiError(400, "cursor and page cannot be given together")
    cursor = _cursor_from(text, listing)
    return Listing(
        filter=listing.filter,
        page=cursor.page,
        per_page=listing.per_page,
        sort=listing.sort,
        descending=listing.descending,
        cursor=cursor,
    )


def cursor_text(cursor: Cursor, listing: Listing) -> str:
    """Return the cursor as text, which is good for the same filter and order only."""
    content = json.dumps([_mark(listing), cursor.key, cursor.id, cursor.page], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _cursor_from(text: str, listing: Listing) -> Cursor:
    try:
        mark, key, number, page = json.loads(base64.urlsafe_b64decode(text[:MAX_CURSOR].encode("ascii") + b"=="))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ApiError(400, "cursor must be a next_cursor of an answer") from None
    if mark != _mark(listing):
        raise ApiError(400, "cursor belongs to a list with another filter or order")
    if not _is_key(key) or type(number) is not int or type(page) is not int or not 0 < page < 2**53:
        raise ApiError(400, "cursor must be a next_cursor of an answer")
    return Cursor(key, min(abs(number), 2**63 - 1), page)


def _is_key(key: object) -> bool:
    return isinstance(key, str | float) or (type(key) is int and abs(key) < 2**63)


def _mark(listing: Listing) -> str:
    meant = repr((listing.filter, listing.sort, listing.descending))
    return hashlib.sha256(meant.encode()).hexdigest()[:12]
