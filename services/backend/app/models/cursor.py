"""Where a page ended: the key and the id of its last row."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next page begins after the row with this key and id; ``page`` is its number."""

    key: str | float
    id: int
    page: int
