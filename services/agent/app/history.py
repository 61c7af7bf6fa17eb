"""Every question and what came of it, kept in a local SQLite file: answers, and failures too.

How much of the words is kept is the operator's choice: all (`full`), only their SHA-256 so that repetitions can be seen
(`hash`), or none (`off`). The oldest rows make room for new ones.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

BUSY_S = 2.0
PRUNE_EVERY = 100  # rows; counting at each one would cost more than the row


@dataclass(frozen=True, slots=True)
class Interaction:
    """One question and its outcome. `status` is ok or error; times are in milliseconds."""

    id: str
    created_at: str
    session_id: str | None
    prompt: str | None
    response: str | None
    reasoning: str | None
    processing_ms: float
    queue_ms: float
    first_token_ms: float | None
    model_requested: str
    model_used: str | None
    backend: str | None
    cached: bool
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    status: str
    error_code: str | None


COLUMNS = tuple(column.name for column in fields(Interaction))
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS ai_interactions (seq INTEGER PRIMARY KEY AUTOINCREMENT, {", ".join(COLUMNS)}, UNIQUE (id));
CREATE INDEX IF NOT EXISTS ai_interactions_session ON ai_interactions (session_id, seq);
"""


class History:
    """The table of interactions in the file `path`. Raises OSError or sqlite3.Error when it cannot be opened."""

    def __init__(self, path: Path, mode: str, max_rows: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # People's questions are nobody else's. SQLite gives the files beside this one the same mode.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._mode = mode
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._since_prune = 0
        self._db = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self.healthy = True

    def record(self, interaction: Interaction) -> None:
        """Keep one interaction. A full disk must not cost the client its answer: it is logged, and health shows it."""
        row = self._redacted(asdict(interaction))
        marks = ", ".join(f":{name}" for name in COLUMNS)
        try:
            with self._lock:
                self._db.execute(f"INSERT INTO ai_interactions ({', '.join(COLUMNS)}) VALUES ({marks})", row)  # noqa: S608 - our own column names
                self._prune_sometimes()
        except sqlite3.Error as error:
            self.healthy = False
            log.warning("an interaction could not be kept: %s", error)
            return
        self.healthy = True

    def page(self, limit: int, before: int | None = None, session_id: str | None = None) -> list[dict[str, Any]]:
        """Return up to `limit` interactions, the newest first; those older than the number `before`, of one session."""
        query = (
            "SELECT * FROM ai_interactions WHERE (?1 IS NULL OR seq < ?1) AND (?2 IS NULL OR session_id = ?2)"
            " ORDER BY seq DESC LIMIT ?3"
        )
        with self._lock:
            cursor = self._db.execute(query, (before, session_id, limit))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [row | {"cached": bool(row["cached"])} for row in rows]

    def close(self) -> None:
        """Close the file; everything recorded is on disk already."""
        with self._lock:
            self._db.close()

    def _redacted(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._mode == "full":
            return row
        for name in ("prompt", "response", "reasoning"):
            row[name] = _digest(row[name]) if self._mode == "hash" else None
        return row

    def _prune_sometimes(self) -> None:
        self._since_prune += 1
        if self._since_prune < min(PRUNE_EVERY, self._max_rows):
            return
        self._since_prune = 0
        self._db.execute(
            "DELETE FROM ai_interactions WHERE seq <= (SELECT max(seq) FROM ai_interactions) - ?", (self._max_rows,)
        )


def _digest(text: str | None) -> str | None:
    return None if text is None else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
