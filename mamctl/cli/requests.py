"""The slow requests of a foreground run: begun now, answered later, each answer told in its own words."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.errand import Errand
from mamctl.cli.failure import explain
from mamctl.control.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mamctl.ui.paint import Paint

    Answer = Callable[[Any], list[str]]

LAST_SECONDS: Final = 2.0
MARGIN: Final = 10.0


class Requests:
    """What was asked of the supervisor and is not answered yet."""

    def __init__(self, socket_path: str, paint: Paint) -> None:
        self._socket_path = socket_path
        self._paint = paint
        self._under_way: list[tuple[Errand, Answer]] = []

    @property
    def errands(self) -> list[Errand]:
        """What to wait on."""
        return [errand for errand, _ in self._under_way]

    def send(self, method: str, path: str, body: object, tell: Answer, wait: float = 0.0) -> None:
        """Begin a request that may take `wait` seconds; `tell` turns its answer into lines."""
        client = Client(self._socket_path)
        errand = Errand(lambda: client.request(method, path, body, timeout=wait + MARGIN))
        self._under_way.append((errand, tell))

    def answered(self, ready: Collection[object]) -> list[str]:
        """Return the lines of those requests that are among the ready ones."""
        found = [pair for pair in self._under_way if pair[0] in ready]
        self._under_way = [pair for pair in self._under_way if pair not in found]
        return [line for errand, tell in found for line in self._told(errand, tell)]

    def finish(self) -> list[str]:
        """Return the lines of all that are left, now that the supervisor has said its last word."""
        lines: list[str] = []
        while self._under_way:
            ready, _, _ = select.select(self.errands, [], [], LAST_SECONDS)
            if not ready:
                return lines
            lines += self.answered(ready)
        return lines

    def _told(self, errand: Errand, tell: Answer) -> list[str]:
        try:
            return tell(errand.result())
        except Exception as problem:  # noqa: BLE001 - whatever it was, it is told; the run goes on
            return explain(problem, self._paint)[0]
