"""Which assets are meant: the filter that lists, counts, bulk operations and exports share."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from dataclasses import dataclass, replace
from typing import Any

from services.backend.app.services.media_types import kind_of_format

from .asset import Status
from .search_words import match_of


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a filter as SQL: constants of this program, values are bound."""

    clause: str
    values: tuple[Any, ...] = ()
    hits: str | None = None
    """A statement that finds the ids by an index, named ``hit``; None where there is none."""
    hit_values: tuple[Any, ...] = ()
    count: str | None = None
    """A statement with the same values that knows how many there are without counting them."""
    total: str | None = None
    """A statement with the same values that counts them more quickly than testing each row does."""


def _indexed(clause: str, *values: Any) -> Condition:
    hits = f"SELECT id AS hit FROM media_assets WHERE deleted_at IS NULL AND {clause}"
    return Condition(clause, values, hits, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """All of it holds at once; what is None or empty does not count. Sizes in bytes, durations in seconds."""

    text: str | None = None
    media_type: str | None = None
    status: Status | None = None
    format: str | None = None
    tags: tuple[str, ...] = ()
    collection: int | None = None
    favorite: bool | None = None
    min_rating: int | None = None
    min_size: int | None = None
    max_size: int | None = None
    min_duration: float | None = None
    max_duration: float | None = None
    min_width: int | None = None
    max_width: int | None = None
    date_from: str | None = None
    """The first moment of ``created_at`` that counts."""
    date_to: str | None = None
    """The first moment of ``created_at`` that no longer counts."""
    trashed: bool = False

    @property
    def match(self) -> str | None:
        """The text as an FTS5 query; None when there is no text, or it is the trash that is searched."""
        return None if self.text is None or self.trashed else match_of(self.text)

    @property
    def kind(self) -> str | None:
        """The one type that all hits have, if that is known."""
        return self.media_type or (kind_of_format(self.format) if self.format is not None else None)

    @property
    def is_counted(self) -> bool:
        """Whether ``asset_counts`` knows how many assets there are."""
        return self == AssetFilter(media_type=self.media_type, status=self.status, trashed=self.trashed)

    def conditions(self) -> list[Condition]:
        """Return everything but the text (unless it is the trash) and the trash itself."""
        made = [*self._kinds(), *self._memberships(), *self._ranges()]
        if self.text is not None and self.trashed:
            made.append(_text_in_trash(self.text))
        return made

    def where(self) -> tuple[str, list[Any]]:
        """Return the whole filter as one condition on ``media_assets``, for statements that visit every hit anyway."""
        clauses = ["deleted_at IS NOT NULL" if self.trashed else "deleted_at IS NULL"]
        values: list[Any] = []
        for condition in self.conditions():
            clauses.append(condition.clause)
            values += condition.values
        for condition in self.text_condition():
            clauses.append(condition.clause)
            values += condition.values
        return " AND ".join(clauses), values

    def text_condition(self) -> list[Condition]:
        """Return the text as a condition; none when there is none, or it is the trash that is searched."""
        if self.match is None:
            return []
        rows = "FROM asset_search WHERE asset_search MATCH ?"
        return [Condition(f"id IN (SELECT rowid {rows})", (self.match,), f"SELECT rowid AS hit {rows}", (self.match,))]

    def _kinds(self) -> list[Condition]:
        made = []
        if self.media_type is not None:
            made.append(_kind("media_type = ?", self.media_type))
        if self.status is not None:
            made.append(_kind("status = ?", self.status.value))
        if self.format is not None:
            made.append(_indexed("format = ? COLLATE NOCASE", self.format))
        if self.favorite is not None:
            made.append(_FAVORITE if self.favorite else _NO_FAVORITE)
        if self.min_rating is not None:
            made.append(_indexed("rating >= ?", self.min_rating))
        return made

    def _memberships(self) -> list[Condition]:
        tagged = "asset_tags WHERE tag_id = (SELECT id FROM tags WHERE name = ?)"
        made = [_member(tagged, name) for name in self.tags]
        if self.collection is not None:
            made.append(_member("collection_assets WHERE collection_id = ?", self.collection))
        return made

    def _ranges(self) -> list[Condition]:
        bounds = [
            (("file_size >= ?", self.min_size), ("file_size <= ?", self.max_size)),
            (("width >= ?", self.min_width), ("width <= ?", self.max_width)),
            (("created_at >= ?", self.date_from), ("created_at < ?", self.date_to)),
        ]
        made = [_both(pair) for pair in bounds if any(value is not None for _, value in pair)]
        if self.min_duration is not None or self.max_duration is not None:
            made.append(_duration(self.min_duration, self.max_duration))
        return made


LONGEST = 9e98
"""Seconds; more than any, and less than what stands for a duration that is not known."""

_FAVORITES = (
    "SELECT id AS hit FROM media_assets INDEXED BY idx_media_assets_favorite WHERE favorite = 1 AND deleted_at IS NULL"
)
_FAVORITE = Condition("favorite = 1", hits=_FAVORITES)
_NO_FAVORITE = Condition(
    "favorite = 0",
    count=f"SELECT (SELECT ifnull(sum(assets), 0) FROM asset_counts WHERE trashed = 0) - count(*) FROM ({_FAVORITES})",
)


def _kind(clause: str, value: str) -> Condition:
    count = f"SELECT ifnull(sum(assets), 0) FROM asset_counts WHERE trashed = 0 AND {clause}"
    return replace(_indexed(clause, value), count=count)


def _both(pair: tuple[tuple[str, Any], ...]) -> Condition:
    given = [(clause, value) for clause, value in pair if value is not None]
    return _indexed(" AND ".join(clause for clause, _ in given), *(value for _, value in given))


def _duration(least: float | None, most: float | None) -> Condition:
    """Return the range in the words of both orders' indexes, so that either can be entered where it begins.

    NULL lies in no range; it stands at the end of either index.
    """
    longest = "ifnull(duration, -1.0) BETWEEN ? AND ?"
    shortest = "ifnull(duration, 9e99) BETWEEN ? AND ?"
    values = (0.0 if least is None else least, LONGEST if most is None else most)
    found = f"SELECT id AS hit FROM media_assets WHERE deleted_at IS NULL AND {longest}"
    return Condition(f"{longest} AND {shortest}", values * 2, found, values)


def _member(rows: str, value: Any) -> Condition:
    # EXISTS and not IN: a list that is walked asks for the few rows that it passes, and gathers nothing.
    test = f"EXISTS (SELECT 1 FROM {rows} AND asset_id = media_assets.id)"
    # What is in the trash keeps its tags and collections.
    trashed = f"SELECT count(*) FROM media_assets WHERE deleted_at IS NOT NULL AND {test}"
    total = f"SELECT (SELECT count(*) FROM {rows}) - ({trashed})".replace("?", "?1")
    return Condition(test, (value,), f"SELECT asset_id AS hit FROM {rows}", (value,), total=total)


def _text_in_trash(text: str) -> Condition:
    # The trash is not in the search index; it is small.
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return Condition("(title LIKE ? ESCAPE '\\' OR file_path LIKE ? ESCAPE '\\')", (pattern, pattern))
