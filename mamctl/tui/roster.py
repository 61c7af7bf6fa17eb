"""The services as they are shown: in an order that people choose, and only those that they look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui.status import in_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = Mapping[str, Any]

# What needs an eye first.
_WORST: Final = ("failed", "unhealthy", "backoff", "stopping", "starting", "waiting", "ready", "completed", "stopped")
ORDERS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "start": lambda _: 0,
    "name": lambda row: str(row["name"]),
    "state": lambda row: _WORST.index(row["state"]) if row["state"] in _WORST else len(_WORST),
    "uptime": lambda row: -1.0 if row.get("uptime_s") is None else float(row["uptime_s"]),
    "restarts": lambda row: -int(row.get("restarts") or 0),
    "cpu": lambda row: -float(row.get("cpu_percent") or 0.0),
    "memory": lambda row: -float(row.get("memory_bytes") or 0.0),
}


class Roster:
    """What is shown of a status document. `order`: a key of ORDERS; `sought`: a part of the names, "" for all.

    `narrow` returns the rows of a document that the command line named.
    """

    def __init__(self, narrow: Callable[[Row], Sequence[Row]] | None = None) -> None:
        self._narrow = narrow
        self.document: Row | None = None
        self.order = "start"
        self.sought = ""
        self._positions: dict[str, int] = {}

    def take(self, document: Row) -> None:
        """Show this document from now on."""
        self.document = document
        self._positions = {str(row["name"]): position for position, row in enumerate(document["services"])}

    @property
    def all(self) -> Sequence[Row]:
        """Every service of the stack."""
        return [] if self.document is None else self.document["services"]

    @property
    def shown(self) -> list[Row]:
        """The rows to show, in their order."""
        if self.document is None:
            return []
        sought = self.sought.casefold()
        named = self.all if self._narrow is None else self._narrow(self.document)
        rows = [row for row in named if sought in str(row["name"]).casefold()]
        return sorted(in_layers(rows), key=ORDERS[self.order])

    def row(self, name: str | None) -> Row | None:
        """Return the row of a service, None when there is none of this name."""
        return self.all[self._positions[name]] if name in self._positions else None

    def position(self, name: str) -> int:
        """Return the place of a service in the manifest, which gives it its colour."""
        return self._positions.get(name, len(self._positions))

    @property
    def worst(self) -> str | None:
        """The name of the first one that needs an eye; None when all that is shown is well."""
        ill = [row for row in self.shown if row["state"] in _WORST[:3]]
        return str(min(ill, key=ORDERS["state"])["name"]) if ill else None

    def next_order(self) -> str:
        """Go on to the next order, and return it."""
        names = list(ORDERS)
        self.order = names[(names.index(self.order) + 1) % len(names)]
        return self.order
