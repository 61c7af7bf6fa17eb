"""How much there is in the library."""

from typing import TYPE_CHECKING, Any

from .database import Database

if TYPE_CHECKING:
    from services.backend.app import answers


def statistics_of(database: Database) -> "answers.Statistics":
    """Return counts and bytes, in all and by type and by status; what is in the trash is counted apart."""
    with database.read() as connection:
        rows = connection.execute("SELECT media_type, status, trashed, assets, bytes FROM asset_counts").fetchall()
        tags = connection.execute("SELECT count(*) FROM tags").fetchone()[0]
        collections = connection.execute("SELECT count(*) FROM collections").fetchone()[0]
    live = [row for row in rows if not row["trashed"]]
    return {
        "assets": _sum(live, "assets"),
        "bytes": _sum(live, "bytes"),
        "types": {
            kind: _sum([row for row in live if row["media_type"] == kind], "assets") for kind in ("video", "image")
        },
        "statuses": {
            status: _sum([row for row in live if row["status"] == status], "assets") for status in _statuses(live)
        },
        "trashed": _sum([row for row in rows if row["trashed"]], "assets"),
        "tags": tags,
        "collections": collections,
    }


def _statuses(rows: list[Any]) -> list[str]:
    return sorted({row["status"] for row in rows if row["assets"]})


def _sum(rows: list[Any], column: str) -> int:
    return sum(row[column] for row in rows)
