"""A large library's database, made by SQL: rows that look like those of a real one."""

import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from services.backend.app.models.database import Database

PLACES = [
    "alps", "berlin", "cairo", "denver", "essen", "florence", "geneva", "hamburg", "istanbul", "jakarta", "kyoto",
    "lisbon", "madrid", "nairobi", "oslo", "paris", "quito", "rome", "seoul", "tokyo", "vienna", "warsaw", "zurich",
]  # fmt: skip
THINGS = [
    "amber", "beach", "canyon", "delta", "ember", "forest", "glacier", "harbor", "island", "jungle", "lagoon", "meadow",
    "orchard", "prairie", "river", "summit", "tundra", "upland", "valley", "willow",
]  # fmt: skip
STREAM_BYTES = 256 * 1024 * 1024


def fill(folder: Path, count: int) -> None:
    """Make the rows. Indexes and triggers are put back afterwards: that is how a large import would do it."""
    path = folder / "data" / "mam.db"
    path.parent.mkdir()
    Database(path).close()
    film = folder / "media" / "film.mp4"
    film.write_bytes(b"\0\0\0\x20ftypisom")
    os.truncate(film, STREAM_BYTES)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        parts = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'media_assets'"
            " AND type IN ('index', 'trigger')"
        ).fetchall()
        for kind, name, _ in parts:
            connection.execute(f"DROP {kind} {name}")
        connection.executemany(
            "INSERT INTO media_assets (title, file_path, file_size, mtime_ns, media_type, mime_type, format, duration,"
            " width, height, status, created_at, updated_at, rating, favorite)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows(count),
        )
        for _, _, statement in parts:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO asset_counts"
            " SELECT media_type, status, 0, count(*), sum(file_size) FROM media_assets GROUP BY 1, 2"
        )
        connection.execute("INSERT INTO asset_search (asset_search) VALUES ('rebuild')")
        connection.execute("COMMIT")


FORMATS = {"MP4": "mp4", "QuickTime": "mov", "AVI": "avi", "JPEG": "jpg", "PNG": "png", "GIF": "gif"}


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield assets: a quarter are films, one of a thousand has failed, of a few there are few."""
    chance, other = random.Random(1), random.Random(2)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(count):
        film = number % 4 == 0
        form, width, height = _shape(other, film=film and number > 0)
        if number == 0:
            form = "MP4"
        name = "film.mp4" if number == 0 else f"{'VID' if film else 'IMG'}_{number:07d}.{FORMATS[form]}"
        place, thing = chance.choice(PLACES), chance.choice(THINGS)
        path = name if number == 0 else f"{place}/{thing}/{name}"
        moment += timedelta(seconds=chance.randrange(300))
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield (
            f"{thing} in {place} {number}", path, STREAM_BYTES if number == 0 else chance.randrange(10**5, 10**9), 1,
            "video" if film else "image", "video/mp4" if film else "image/jpeg", form,
            chance.random() * 1000 if film else None, width, height, "failed" if number % 1000 == 999 else "ready",
            text, text, _rating(other), int(other.random() < 0.002),
        )  # fmt: skip


def _shape(chance: random.Random, *, film: bool) -> tuple[str, int, int]:
    """Return format, width and height: one of 2,000 is wider than 8,000 pixels, one of 1,000 of a rare format."""
    rare, wide = chance.random() < 0.001, chance.random() < 0.0005
    if film:
        width, height = chance.choices([(1920, 1080), (1280, 720), (3840, 2160)], [60, 25, 15])[0]
        return ("AVI" if rare else chance.choice(["MP4", "QuickTime"])), *((8192, 4320) if wide else (width, height))
    width, height = chance.choice([(4032, 3024), (3024, 4032), (6000, 4000), (1600, 1200)])
    form = "GIF" if rare else chance.choices(["JPEG", "PNG"], [19, 1])[0]
    return form, *((12_000, 3000) if wide else (width, height))


def _rating(chance: random.Random) -> int | None:
    """One of twenty is rated, one of 500 with five stars."""
    if chance.random() >= 0.05:
        return None
    return chance.choices([1, 2, 3, 4, 5], [24, 24, 24, 24, 4])[0]
