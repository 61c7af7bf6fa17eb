"""Hooks with a stack on paper: services and what happens to them are told by hand; commands and calls are real."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mamctl.core.manifest.hooks import Hook, Moment
from mamctl.core.manifest.model import ServiceSpec
from mamctl.runtime.history import History
from mamctl.runtime.hooks import Hooks, Outfit

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator, Callable

DEADLINE = 20.0


class Paper:
    """Services on paper."""

    project = "test"
    mark = "0000/hook"

    def __init__(self, folder: pathlib.Path, services: dict[str, dict[Moment, tuple[Hook, ...]]]) -> None:
        self.folder = folder
        self._specs = {name: ServiceSpec(name, hooks=hooks) for name, hooks in services.items()}

    def specs(self) -> list[ServiceSpec]:
        return [*self._specs.values()]

    def spec_of(self, name: str) -> ServiceSpec | None:
        return self._specs.get(name)

    def outfit(self, spec: ServiceSpec) -> Outfit:
        return Outfit(
            {"PATH": os.environ["PATH"], "MAMCTL_SERVICE": spec.name, "MAMCTL_INSTANCE": self.mark}, str(self.folder)
        )

    def hide(self, text: str) -> str:
        return text.replace("hunter22", "********")


class Stage:
    """What happens, and what came of it."""

    def __init__(self, folder: pathlib.Path, hooks: Hooks, history: History) -> None:
        self.folder = folder
        self.hooks = hooks
        self.history = history

    def happens(self, kind: str, name: str = "web", generation: int = 1, **data: Any) -> None:
        self.history.record(kind, name, generation, {"state": "ready", "reason": None, "detail": None, **data})

    def file(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    @property
    def warnings(self) -> list[str]:
        return [
            event["data"]["detail"]
            for event in self.history.since(self.history.began, 10_000)
            if event["type"] == "warning"
        ]

    async def until(self, test: Callable[[], object]) -> None:
        """Look again and again until it is true; the stage's deadline bounds it."""
        while not test():  # noqa: ASYNC110 - what is looked at is a file or a process
            await asyncio.sleep(0.005)


@asynccontextmanager
async def staged(folder: pathlib.Path, *hooks: Hook, moment: Moment = Moment.READY) -> AsyncIterator[Stage]:
    """Set a stage with one service `web` that has these hooks."""
    async with many(folder, {"web": {moment: hooks}}) as stage:
        yield stage


@asynccontextmanager
async def many(folder: pathlib.Path, services: dict[str, dict[Moment, tuple[Hook, ...]]]) -> AsyncIterator[Stage]:
    """Set a stage with these services."""
    history = History(str(folder / "events"))
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        hooks = Hooks(Paper(folder, services), history, group.create_task)
        try:
            yield Stage(folder, hooks, history)
        finally:
            hooks.close()


def sh(script: str, timeout: float = 10.0) -> Hook:
    """Return a hook that is a line of shell."""
    return Hook(("sh", "-c", script), timeout=timeout)
