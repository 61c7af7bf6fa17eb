"""Assets that have the same content."""

# ruff: noqa: S608  only constants of this program are put into statements; values are bound.

from dataclasses import dataclass

from .asset import COLUMNS, Asset
from .database import Database


@dataclass(frozen=True, slots=True)
class Twins:
    """Assets of one content: ``is_certain`` by BLAKE3 of all bytes, else only by their size and their ends."""

    hash: str
    is_certain: bool
    assets: list[Asset]


class Duplicates:
    """Finds assets with the same hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, after: str, limit: int) -> tuple[list[Twins], str | None]:
        """Return groups of two and more assets outside of the trash after ``after``, and where to go on."""
        with self._database.read() as connection:
            hashes = connection.execute(
                "SELECT quick_hash FROM media_assets WHERE quick_hash > ? AND deleted_at IS NULL"
                " GROUP BY quick_hash HAVING count(*) > 1 ORDER BY quick_hash LIMIT ?",
                (after, limit),
            ).fetchall()
            groups = []
            for (mark,) in hashes:
                rows = connection.execute(
                    f"SELECT {COLUMNS}, content_hash FROM media_assets WHERE quick_hash = ? AND deleted_at IS NULL"
                    " ORDER BY id",
                    (mark,),
                ).fetchall()
                groups += _twins(mark, [(Asset.from_row(row), row["content_hash"]) for row in rows])
        return groups, hashes[-1][0] if len(hashes) == limit else None

    def alike(self, quick_hash: str) -> list[int]:
        """Return the ids of the two oldest assets outside of the trash whose size and ends are these."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM media_assets WHERE quick_hash = ? AND deleted_at IS NULL ORDER BY id LIMIT 2",
                (quick_hash,),
            ).fetchall()
        return [row[0] for row in rows]

    def with_content(self, quick_hash: str, content_hash: str, *, but: int | None) -> Asset | None:
        """Return the oldest asset outside of the trash, other than ``but``, that is known to have this content."""
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM media_assets WHERE quick_hash = ? AND content_hash = ? AND deleted_at IS NULL"
                " AND id IS NOT ? ORDER BY id LIMIT 1",
                (quick_hash, content_hash, but),
            ).fetchone()
        return Asset.from_row(row) if row else None

    def unread(self, quick_hash: str) -> list[Asset]:
        """Return assets that may have a content, but whose bytes nobody has hashed yet."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM media_assets WHERE quick_hash = ? AND content_hash IS NULL"
                " AND deleted_at IS NULL ORDER BY id",
                (quick_hash,),
            ).fetchall()
        return [Asset.from_row(row) for row in rows]

    def tell(self, most: int) -> bool:
        """Raise the revision of up to ``most`` copies that have another original now; False when there are none.

        Only the revision: an asset whose twin went is not itself newer, and keeps its place in the list.
        """
        with self._database.read() as connection:
            if connection.execute("SELECT 1 FROM twin_news LIMIT 1").fetchone() is None:
                return False
        with self._database.write() as connection:
            due = connection.execute("SELECT content_hash, after_id FROM twin_news LIMIT 1").fetchone()
            if due is None:
                return False  # another backend was quicker
            content_hash, after = due
            rows = connection.execute(
                "UPDATE media_assets SET rev = rev + 1 WHERE id IN (SELECT id FROM media_assets WHERE content_hash = ?"
                " AND id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?) RETURNING id",
                (content_hash, after, most),
            ).fetchall()
            if len(rows) < most:
                connection.execute("DELETE FROM twin_news WHERE content_hash = ?", (content_hash,))
            else:
                last = max(row[0] for row in rows)
                connection.execute("UPDATE twin_news SET after_id = ? WHERE content_hash = ?", (last, content_hash))
        return True


def _twins(mark: str, members: list[tuple[Asset, str | None]]) -> list[Twins]:
    """Split what looks the same by what is known to be the same; what is not known yet is one group."""
    groups: dict[str | None, list[Asset]] = {}
    for asset, content in members:
        groups.setdefault(content, []).append(asset)
    if None in groups:
        return [Twins(mark, is_certain=False, assets=[asset for asset, _ in members])]
    return [Twins(str(content), is_certain=True, assets=twins) for content, twins in groups.items() if len(twins) > 1]
