"""The services as tools made for supervisord ask for them: times by the wall clock, logs by path, the manifest's parts.

What the state machine does not keep, when a process that is gone had begun say, is read from the event history, as far
as that goes back.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.service import Service
    from mamctl.runtime.hands import Hands
    from mamctl.runtime.logs.reader import Line
    from mamctl.runtime.operator import Operator

# How many events are looked through for times, and how many at once.
REMEMBERED: Final = 2000
BATCH: Final = 500
FOLLOW_SECONDS: Final = 0.05
# A stream begins with so many bytes of whole lines, as supervisord's does.
HEAD_BYTES: Final = 1024
HEAD_LINES: Final = 20
_CHANNELS: Final = {"output": "stdout", "stdout": "stdout", "stderr": "stderr"}


class Times(NamedTuple):
    """When a service last began and last ended, in seconds since 1970; 0: never, as far as is known."""

    started: float = 0.0
    stopped: float = 0.0


class Programs:
    """Looks at the hands, and lets the operator change what is to be changed."""

    def __init__(self, hands: Hands, operator: Operator) -> None:
        self._hands = hands
        self._operator = operator
        self._seen = max(0, hands.history.last - REMEMBERED)
        self._times: dict[str, Times] = {}

    @property
    def manifest(self) -> Manifest:
        """The manifest that holds."""
        return self._hands.manifest

    @property
    def services(self) -> Mapping[str, Service]:
        """The services as they are."""
        return self._hands.supervisor.services

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    @property
    def main_log(self) -> str:
        """The path of the supervisor's own log; there is none where it is part of another program."""
        return os.path.join(self._hands.outputs.folder, "mamctl.log")

    def times(self, name: str) -> Times:
        """Tell when a service began and ended. What runs is known to the moment."""
        self._catch_up()
        service, known = self.services[name], self._times.get(name, Times())
        ended = 0.0 if service.ended_at is None else self._wall(service.ended_at)
        stopped = known.stopped or ended
        if service.spawned_at is not None:
            return Times(self._wall(service.spawned_at), stopped)
        # It ran, and nobody knows any more since when: not before it ended is true at least.
        return Times(known.started or (stopped if service.generation else 0.0), stopped)

    def logs(self, spec: ServiceSpec) -> dict[str, str]:
        """Return the paths of a service's logs by channel: stdout, and stderr where that is apart."""
        return {_CHANNELS[files.stream]: files.path for files in self._hands.outputs.files(spec)}

    def starts_by_itself(self, spec: ServiceSpec) -> bool:
        """Tell whether `up` without names starts a service."""
        return self._operator.starts_by_itself(spec)

    def hide(self, value: Any) -> Any:
        """Return lists, maps and texts with every secret masked."""
        return self._hands.secrecy.tree(value)

    def clear(self, name: str) -> None:
        """Rotate a service's logs, so that they begin anew. Raises MamctlError."""
        spec = self.services[name].run
        try:
            self._hands.outputs.rotate(spec)
        except OSError as error:
            raise MamctlError(f"the log of {name} cannot be rotated: {error.strerror}") from None

    def clear_main(self) -> bool:
        """Empty the supervisor's own log, if it has one; we only append, so nothing is torn. Raises MamctlError."""
        try:
            os.truncate(self.main_log, 0)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise MamctlError(f"{self.main_log} cannot be emptied: {error.strerror}") from None
        return True

    def read(self) -> Manifest:
        """Read the manifest from disk and change nothing. Raises ManifestError."""
        return self._operator.read()

    def take(self, manifest: Manifest) -> None:
        """Let a manifest hold. Raises MamctlError."""
        self._operator.take(manifest)

    async def until(self, test: Callable[[], bool], seconds: float) -> bool:
        """Wait until a test holds, looking whenever something happened; tell whether it does."""
        if test() or seconds <= 0:
            return test()
        return await self._operator.until(test, seconds)

    async def follow(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the last lines of a log, and those that are added; nothing, now and then, while there is nothing."""
        from mamctl.runtime.logs.reader import Follower, LogFiles, tail

        files = [*self._files(path)] or [LogFiles("", "output", path, f"{path}.idx")]
        with Follower(files) as follower:
            last = await asyncio.to_thread(lambda: list(tail(files, lines=HEAD_LINES, until=follower.positions)))
            yield b"".join(_within(last, HEAD_BYTES))
            while True:
                yield b"".join(map(_written, follower.poll()))
                if not follower.pending:
                    await asyncio.sleep(FOLLOW_SECONDS)

    def _files(self, path: str) -> list[Any]:
        """Return the log at a path with its index, if it is that of a service."""
        return [
            files
            for service in self.services.values()
            for files in self._hands.outputs.files(service.run)
            if files.path == path
        ]

    def _wall(self, moment: float) -> float:
        return self.now - (self._hands.now - moment)

    def _catch_up(self) -> None:
        while events := self._hands.history.since(self._seen, BATCH):
            for event in events:
                self._note(event)
            self._seen = events[-1]["seq"]

    def _note(self, event: Mapping[str, Any]) -> None:
        name = event["service"]
        if event["type"] not in ("starting", "process-exit") or name not in self.services:
            return
        at = datetime.fromisoformat(event["at"]).timestamp()
        known = self._times.get(name, Times())
        began = event["type"] == "starting"
        self._times[name] = known._replace(started=at) if began else known._replace(stopped=at)


def _within(lines: list[Line], most: int) -> list[bytes]:
    """Return the last lines that have at most so many bytes together, and the very last one however long it is."""
    found: list[bytes] = []
    for line in reversed(lines):
        if found and sum(map(len, found)) + len(line.line) > most:
            break
        found.append(_written(line))
    return found[::-1]


def _written(line: Line) -> bytes:
    """Return a line as its service wrote it."""
    return line.line + b"\n" if line.ended else line.line
