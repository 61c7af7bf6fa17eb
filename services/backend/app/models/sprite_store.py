"""The sheets of pictures for scrubbing through videos."""

import json
from dataclasses import dataclass

from .database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """A sheet: tiles of ``width`` x ``height`` pixels in rows of ``columns``, each from its time (s) to the next's."""

    key: str
    columns: int
    width: int
    height: int
    times: tuple[float, ...]
    end: float

    def to_vtt(self, url: str) -> str:
        """Return the WebVTT of the sheet at ``url``, as players and galleries read it."""
        lines = ["WEBVTT"]
        ends = (*self.times[1:], max(self.end, self.times[-1]))
        for number, (start, end) in enumerate(zip(self.times, ends, strict=True)):
            left, top = number % self.columns * self.width, number // self.columns * self.height
            lines.append(f"\n{_clock(start)} --> {_clock(end)}\n{url}#xywh={left},{top},{self.width},{self.height}")
        return "\n".join(lines) + "\n"


class SpriteStore:
    """The table of sheets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, asset_id: int) -> Sprite | None:
        """Return an asset's sheet; None when it has none, or is not in the library."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT key, places FROM sprites JOIN media_assets ON id = asset_id"
                " WHERE asset_id = ? AND deleted_at IS NULL",
                (asset_id,),
            ).fetchone()
        if row is None:
            return None
        places = json.loads(row["places"])
        return Sprite(
            key=row["key"],
            columns=places["columns"],
            width=places["width"],
            height=places["height"],
            times=tuple(places["times"]),
            end=places["end"],
        )


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{int(seconds * 1000) % 1000:03d}"
