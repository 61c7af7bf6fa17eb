"""Every filter of the list with every order, in a library of a million assets: its first page and pages further on.

    python benchmarks/media_filters.py                     # makes the library, then asks (about six minutes)
    python benchmarks/media_filters.py --folder FOLDER     # keeps the library there for the next time

A line for each filter: how many assets meet it, the very first answer (which has to count them), and the worst of
all orders for a page that is asked for again and for pages by cursor (medians). The exit code is 1 when a filter that
few assets meet takes longer than its goal; for others it depends on whether the order brings their assets early.
"""

import argparse
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from media import LISTS, Client, backend
from media_rows import fill

ROWS = 1_000_000
GOAL_MS = 15.0
FEW = 12_000
FILTERS = [
    "type=image", "type=video", "status=failed", "status=ready", "format=GIF", "format=PNG", "format=JPEG",
    "favorite=true", "favorite=false", "min_rating=5", "min_rating=4", "min_rating=1", "min_width=8000",
    "min_width=6000", "min_width=1000", "max_width=1300", "max_width=100", "min_size=999500000", "min_size=500000000",
    "max_size=1000000", "min_duration=999", "min_duration=500", "max_duration=1", "date_from=2024-09-01",
    "date_from=2023-01-01", "date_to=2020-01-10", "date_to=2023-01-01", "tag=rare", "tag=common", "collection=1",
]  # fmt: skip
ORDERS = [(sort, order) for sort in ("updated_at", "created_at", "title", "file_size", "duration")
          for order in ("asc", "desc")]  # fmt: skip


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the library is, or is to be made")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="media-filters-") as name:
        folder = options.folder or Path(name)
        if not (folder / "data").exists():
            (folder / "media").mkdir(parents=True, exist_ok=True)
            fill(folder, options.rows)
        label(folder)
        with backend(folder) as port:
            return measure(Client(port))


def label(folder: Path) -> None:
    """Tag and collect some assets, once."""
    with closing(sqlite3.connect(folder / "data" / "mam.db", isolation_level=None)) as connection:
        if connection.execute("SELECT count(*) FROM collections").fetchone()[0]:
            return
        connection.execute("BEGIN")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            " AND tbl_name IN ('asset_tags', 'collection_assets')"
        ).fetchall()
        for trigger, _ in triggers:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("INSERT INTO tags VALUES (1, 'rare'), (2, 'common')")
        connection.execute("INSERT INTO collections (id, name) VALUES (1, 'many')")
        for statement in (
            "INSERT INTO asset_tags SELECT 1, id FROM media_assets WHERE id % 5000 = 7",
            "INSERT INTO asset_tags SELECT 2, id FROM media_assets WHERE id % 10 = 3",
            "INSERT INTO collection_assets SELECT 1, id FROM media_assets WHERE id % 30 = 4",
            *(sql for _, sql in triggers),
        ):
            connection.execute(statement)
        connection.execute("COMMIT")


def measure(client: Client) -> int:
    """Print a line for each filter; return 1 when a goal is missed."""
    missed = 0
    client.get(LISTS)
    print(f"{'filter':24} {'assets':>9} {'counted':>9} {'first page':>22} {'by cursor':>22}", flush=True)
    for wanted in FILTERS:
        counted, body = client.get(f"{LISTS}&{wanted}")
        found = {
            f"{sort} {order}": asked(client, f"{LISTS}&{wanted}&sort={sort}&order={order}") for sort, order in ORDERS
        }
        first, later = (max(found, key=lambda name, at=at: found[name][at]) for at in (0, 1))
        print(
            f"{wanted:24} {body['meta']['total']:>9,} {counted * 1e3:>6.1f} ms"
            f" {found[first][0] * 1e3:>6.1f} {first:15} {found[later][1] * 1e3:>6.1f} {later:15}", flush=True,
        )  # fmt: skip
        missed |= body["meta"]["total"] <= FEW and max(found[first][0], found[later][1]) * 1e3 > GOAL_MS
    return int(missed)


def asked(client: Client, path: str) -> tuple[float, float]:
    """Return the median time of the first page and of pages by cursor: other work on the machine is not of interest."""
    first = sorted(client.get(path)[0] for _ in range(8))
    body, later = client.get(path)[1], []
    for page in (None, 100, 1000):
        if page is not None and page < body["meta"]["pages"]:
            body = client.get(f"{path}&page={page}")[1]
        cursor = body["meta"]["next_cursor"]
        later += [client.get(f"{path}&cursor={cursor}")[0] for _ in range(3)] if cursor else []
    later.sort()
    return first[len(first) // 2], later[len(later) // 2] if later else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
