"""What is told of a smoke run: lines while it goes on, and in the end a JSON document, a JUnit file, annotations."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mamctl.core.errors import MamctlError, UsageError
from mamctl.core.manifest.secrecy import Secrecy
from mamctl.runtime.smoke.result import Result, Verdict
from mamctl.ui import smoke as lines_of
from mamctl.ui import words
from mamctl.ui.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest
    from mamctl.core.manifest.steps import SmokeStep

FRAME: Final = 0.1
TAIL_LINES: Final = 10
MOST_SERVICES: Final = 3
_TOLD: Final = ("name", "service", "state", "reason", "detail", "exit_code", "exit_signal", "ownership", "log")


class Scoreboard:
    """Hears how each step ends. `silent`: no lines, because stdout is for one JSON document."""

    def __init__(self, invocation: Invocation, manifest: Manifest, *, silent: bool) -> None:
        self._invocation = invocation
        self._manifest = manifest
        self._silent = silent
        self._secrecy = Secrecy(manifest.services.values(), invocation.environ)
        self._at = datetime.now(UTC)
        self._began = time.monotonic()
        self._step: tuple[SmokeStep, float] | None = None
        drawn = sys.stdout.isatty() and invocation.environ.get("TERM") != "dumb"
        self._live = Live(terminal=drawn and not silent, width=invocation.width)
        self.entries: list[dict[str, Any]] = []
        self.started: list[str] = []
        self.timed_out = False

    # While it goes on -----------------------------------------------------------------------------------------------

    def begins(self, step: SmokeStep) -> None:
        """Hear that a step begins."""
        self._step = (step, time.monotonic())

    def ends(self, result: Result) -> None:
        """Hear what became of a step; how its service is, is asked now, while it still is like that."""
        services = self._services(result.service) if result.verdict is Verdict.FAILED else []
        self.add({**asdict(result), "services": services})

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take a step's document, secrets and all, and show it without them."""
        self._step = None
        told = self._secrecy.tree({**entry, "seconds": round(float(entry["seconds"]), 3)})
        self.entries.append(told)
        if not self._silent:
            width, paint = self._invocation.width, self._invocation.paint
            self._show(self._live.frame(lines_of.step(told, width, paint)))

    async def tick(self) -> None:
        """Draw the step under way, for ever; nothing where nobody looks on."""
        while self._live.terminal:
            if self._step is not None:
                step, began = self._step
                seconds = time.monotonic() - began
                summary = lines_of.under_way(step.name, seconds, step.within, self._invocation.paint)
                self._live.resize(self._invocation.width)
                self._show(self._live.frame([], summary if seconds > FRAME else ()))
            await asyncio.sleep(FRAME)

    def clear(self) -> None:
        """Take the line of the step under way from the screen."""
        self._show(self._live.clear())

    def _show(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()

    # How services are -----------------------------------------------------------------------------------------------

    def _services(self, name: str | None) -> list[dict[str, Any]]:
        """Return how the service of a failed step is; where that is not known, those that are not well."""
        try:
            status = self._invocation.status()
        except MamctlError:
            return []
        rows = (status or {"services": []})["services"]
        if name is None:
            chosen = [row for row in words.wanted(rows) if row["state"] not in words.GOOD]
        else:
            chosen = [row for row in rows if row["name"] == name]
        return [self.about(row) for row in chosen[:MOST_SERVICES]]

    def about(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row's state with the service's last lines."""
        return {key: row.get(key) for key in _TOLD} | {"tail": self._tail(str(row["name"]))}

    def _tail(self, name: str) -> list[str]:
        from mamctl.runtime.logs.reader import last_lines, log_files

        spec = self._manifest.services.get(name)
        if spec is None:
            return []
        place = self._invocation.place
        try:
            return last_lines(log_files(place.logs, place.index, name, spec.logs.streams), TAIL_LINES)
        except OSError:
            return []

    # In the end -----------------------------------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """Return all of it as one document."""
        verdicts = [entry["verdict"] for entry in self.entries]
        counts = {str(verdict): verdicts.count(verdict) for verdict in Verdict}
        return {
            "name": self._manifest.name,
            "ok": counts["passed"] == len(verdicts),
            "at": self._at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seconds": round(time.monotonic() - self._began, 3),
            **counts,
            "timed_out": self.timed_out,
            "started": self.started,
            "steps": self.entries,
        }

    def report(self, junit_file: str | None) -> None:
        """Write the document or the sum, the JUnit file, and annotations where GitHub reads them."""
        document = self.document()
        if self._silent:
            self._invocation.document(document)
        else:
            self._invocation.say(["", lines_of.total(document, self._invocation.paint)])
        if junit_file is not None:
            from mamctl.ui.junit import junit

            with open(junit_file, "wb") as file:
                file.write(junit(document))
        if self._invocation.environ.get("GITHUB_ACTIONS") == "true":
            self._invocation.tell(self._annotations())

    def _annotations(self) -> Iterable[str]:
        from mamctl.runtime.manifest.step_places import place_of_step
        from mamctl.ui.annotations import annotation

        root = self._invocation.environ.get("GITHUB_WORKSPACE") or os.getcwd()
        for entry in self.entries:
            if entry["verdict"] == Verdict.FAILED:
                place = place_of_step(self._manifest, entry["name"])
                file = os.path.relpath(place.file, root) if place else None
                yield annotation(entry, file, place.line if place else None)


def require_writable(file: str) -> None:
    """Refuse a file that could not be written in the end. Raises UsageError."""
    folder = os.path.dirname(os.path.abspath(file))
    if os.path.isdir(file):
        raise UsageError(f"--junit {file} is a folder", "name a file in it")
    if not os.access(file if os.path.exists(file) else folder, os.W_OK):
        why = "cannot be written" if os.path.isdir(folder) else f"cannot be written: there is no folder {folder}"
        raise UsageError(f"--junit {file} {why}", "make the folder first, or name another file")
