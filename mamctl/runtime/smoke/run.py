"""A smoke run: the steps one after another, each tried once, or again and again until `within` is over.

A step that uses what another one did not save is skipped; all others are tried, whatever came of those before, so that
one run tells all that is wrong.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from mamctl.core.manifest.steps import ExecAction, HttpAction, TcpAction, WebSocketAction
from mamctl.runtime.smoke.command import execute
from mamctl.runtime.smoke.expectation import require
from mamctl.runtime.smoke.http import request
from mamctl.runtime.smoke.result import Result, Verdict
from mamctl.runtime.smoke.saved import Saved
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt
from mamctl.runtime.smoke.tcp import connect
from mamctl.runtime.smoke.websocket import Sockets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.core.manifest.model import Manifest
    from mamctl.core.manifest.steps import SmokeStep
    from mamctl.runtime.smoke.answer import Answer

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
_GROWTH: Final = 1.5
_LEAST: Final = 0.01
_LIBRARIES: Final = {HttpAction: "httpx", WebSocketAction: "websockets.asyncio.client"}


class Watcher(Protocol):
    """Who is told how the run goes."""

    def begins(self, step: SmokeStep) -> None:
        """Hear that a step begins."""
        ...

    def ends(self, result: Result) -> None:
        """Hear what became of a step."""
        ...


class Run:
    """One run of a manifest's steps; `results` are there for all that have ended."""

    def __init__(
        self, manifest: Manifest, environ: Mapping[str, str], watcher: Watcher, *, fail_fast: bool = False
    ) -> None:
        self.results: list[Result] = []
        self._manifest = manifest
        self._environ = environ
        self._watcher = watcher
        self._fail_fast = fail_fast
        self._saved = Saved()
        self._began: float | None = None

    async def run(self) -> None:
        """Carry out all steps."""
        _prepare(self._manifest.smoke)
        async with asyncio.TaskGroup() as group:
            sockets = Sockets(group)
            try:
                for step in self._manifest.smoke:
                    await self._step(step, sockets)
            finally:
                await sockets.close()

    def break_off(self, why: str) -> None:
        """End the run from outside: the step under way has failed for this reason, and the rest is skipped."""
        for step in self._manifest.smoke[len(self.results) :]:
            if self._began is not None:
                self._end(_result(step, Verdict.FAILED, self._began, 1, Shortfall(why)))
                self._began = None
            else:
                self.skip(step, why)

    def skip(self, step: SmokeStep, why: str) -> None:
        """Leave a step out."""
        self._end(Result(step.name, kind_of(step), Verdict.SKIPPED, detail=why, service=step.service))

    async def _step(self, step: SmokeStep, sockets: Sockets) -> None:
        if self._fail_fast and any(result.verdict is Verdict.FAILED for result in self.results):
            self.skip(step, "an earlier step failed")
            return
        if missing := self._saved.missing(step.needs):
            self.skip(step, f"needs {', '.join(f'${{{name}}}' for name in missing)}, which no step saved")
            return
        self._watcher.begins(step)
        self._began = time.monotonic()
        result = await self._tried(step, sockets, self._began)
        self._began = None
        self._end(result)

    async def _tried(self, step: SmokeStep, sockets: Sockets, began: float) -> Result:
        deadline = None if step.within is None else began + step.within
        pause, tries = FIRST_PAUSE, 0
        told: Shortfall | None = None
        while True:
            tries += 1
            try:
                await self._try(step, sockets, _limit(step, deadline))
            except Shortfall as shortfall:
                # A try that the end cut short says less than the one before it.
                if told is None or not str(shortfall).startswith("no answer within"):
                    told = shortfall
                left = 0.0 if deadline is None else deadline - time.monotonic()
                if left < FIRST_PAUSE:
                    return _result(step, Verdict.FAILED, began, tries, told)
                # Half of what is left at most: the last try comes shortly before the end, with time for an answer.
                await asyncio.sleep(min(pause, left / 2))
                pause = min(LONGEST_PAUSE, pause * _GROWTH)
            else:
                return _result(step, Verdict.PASSED, began, tries)

    async def _try(self, step: SmokeStep, sockets: Sockets, limit: float) -> None:
        """Do it once. Raises Shortfall."""
        try:
            answer = await self._answer(step, sockets, limit)
            require(step.expect, answer, self._saved)
            self._saved.keep(answer, step.save)
        except Exception as error:  # whatever a library raises is told as this step's failure, and the run goes on
            if isinstance(error, Shortfall):
                raise
            raise Shortfall(f"an unexpected {type(error).__name__}: {excerpt(str(error))}") from error

    async def _answer(self, step: SmokeStep, sockets: Sockets, limit: float) -> Answer:
        match step.action:
            case HttpAction() as action:
                return await request(action, self._saved, limit)
            case ExecAction() as action:
                return await execute(action, self._saved, limit, self._manifest, self._environ)
            case TcpAction() as action:
                return await connect(action, self._saved, limit)
            case WebSocketAction() as action:
                return await sockets.converse(action, self._saved, limit)
            case _:
                assert_never(step.action)

    def _end(self, result: Result) -> None:
        self.results.append(result)
        self._watcher.ends(result)


def kind_of(step: SmokeStep) -> str:
    """Return what a step does, in the manifest's word."""
    match step.action:
        case HttpAction():
            return "http"
        case ExecAction():
            return "exec"
        case TcpAction():
            return "tcp"
        case WebSocketAction():
            return "websocket"
        case _:
            assert_never(step.action)


def _prepare(steps: Sequence[SmokeStep]) -> None:
    """Import what the steps need, so that it takes no part of a step's time."""
    kinds = {type(step.action) for step in steps}
    for kind, module in _LIBRARIES.items():
        if kind in kinds:
            importlib.import_module(module)


def _limit(step: SmokeStep, deadline: float | None) -> float:
    """Return the seconds that one try may take: what is left of `within`. Who waits for a message waits all of it."""
    if deadline is None:
        return step.timeout
    left = max(_LEAST, deadline - time.monotonic())
    return left if isinstance(step.action, WebSocketAction) else min(step.timeout, left)


def _result(step: SmokeStep, verdict: Verdict, began: float, tries: int, shortfall: Shortfall | None = None) -> Result:
    seconds = time.monotonic() - began
    detail = None if shortfall is None else str(shortfall)
    if detail is not None and tries > 1:
        detail = f"{detail} (the last of {tries} tries in {seconds:.3g} s)"
    expected, got = (shortfall.expected, shortfall.got) if shortfall else (None, None)
    return Result(step.name, kind_of(step), verdict, seconds, tries, detail, expected, got, step.service)
