"""Warnings that are of the supervisor's own making, for people: in the history, and where it helps in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.runtime.outputs import news

if TYPE_CHECKING:
    import asyncio

    from mamctl.runtime.hands import Hands
    from mamctl.runtime.logs.notices import Notice


class Remarks:
    """What is remarked about the services of these hands."""

    def __init__(self, hands: Hands, loop: asyncio.AbstractEventLoop) -> None:
        self._hands = hands
        self._loop = loop

    def on_notice(self, name: str, notice: Notice) -> None:
        """Tell what a log sink reports: lines dropped, a file reset."""
        kind, data = news(notice)
        self._record(kind, name, data)

    def warn(self, name: str, detail: str) -> None:
        """Warn of a listener, or of a pool of them; not in the middle of what the history is telling just now."""
        self._loop.call_soon(self._warn, name, detail)

    def _warn(self, name: str, detail: str) -> None:
        if name not in self._hands.supervisor.services:
            self._record("warning", None, {"detail": f"{name}: {detail}"})
            return
        self._record("warning", name, {"detail": detail})
        self._hands.outputs.remark(name, detail)

    def _record(self, kind: str, name: str | None, data: dict[str, object]) -> None:
        service = self._hands.supervisor.services.get(name) if name is not None else None
        self._hands.history.record(kind, name, service.generation if service else 0, data)
        self._loop.call_soon(self._hands.history.flush)
