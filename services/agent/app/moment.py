"""The one way in which this service writes a time."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp() -> str:
    """Return now as RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
