"""The last events as lines: of the whole stack, or of one service."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mamctl.tui.wording import happened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mamctl.tui.spans import Spans
    from mamctl.ui.paint import Paint

    Event = Mapping[str, Any]

KEPT: Final = 1_000


class Chronicle:
    """What happened, oldest first. `position`: the place of a service in the manifest, for its colour."""

    def __init__(self, position: Callable[[str], int], paint: Paint) -> None:
        self._position = position
        self._paint = paint
        self._events: deque[Event] = deque(maxlen=KEPT)

    def add(self, events: Sequence[Event], *, anew: bool) -> None:
        """Keep events; `anew`: these only."""
        if anew:
            self._events.clear()
        self._events.extend(events)

    def lines(self, service: str | None) -> list[Spans]:
        """Return the lines about a service, or without one about all."""
        chosen = (event for event in self._events if service is None or event.get("service") == service)
        found = (happened(event, self._position, self._paint) for event in chosen)
        return [line for line in found if line is not None]
