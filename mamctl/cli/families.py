"""Who is a replica of whom, as the status document of a supervisor or of a manifest at rest tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def families_in(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the replicas by service; some have none at the moment."""
    families: dict[str, list[str]] = {name: [] for name in status.get("replicas", ())}
    for row in status["services"]:
        if row["service"] != row["name"]:
            families.setdefault(row["service"], []).append(row["name"])
    return families


def scaled_in(status: Mapping[str, Any]) -> dict[str, int]:
    """Return how many replicas there are of services that were scaled: their manifest says another number."""
    counts = status.get("replicas", {})
    return {name: count["number"] for name, count in counts.items() if count["number"] != count["manifest"]}
