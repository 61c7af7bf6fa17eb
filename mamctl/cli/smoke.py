"""`mamctl smoke`: try whether the stack does what it is for."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.core.errors import MamctlError, NoSupervisor, TimedOut, UsageError

if TYPE_CHECKING:
    from mamctl.cli.interruption import Interruptions
    from mamctl.cli.invocation import Invocation
    from mamctl.cli.scaffold import Standing
    from mamctl.cli.scoreboard import Scoreboard
    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.smoke.run import Run

_UP: Final = "the stack is up"


@click.command(
    "smoke",
    cls=Command,
    short_help="Try whether the stack does what it is for.",
    examples=["mamctl smoke", "mamctl smoke --up --junit smoke.xml", "mamctl smoke --json | jq .steps"],
)
@click.option("--up", is_flag=True, help="Start what is missing, and stop what was started afterwards.")
@click.option("--timeout", type=SPAN, default="5m", show_default=True, help="How long all of it may take.")
@click.option("--fail-fast", is_flag=True, help="Skip the rest after the first step that fails.")
@click.option(
    "--junit", "junit_file", metavar="FILE", shell_complete=known.files, default=None, help="Also write a JUnit report."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def smoke_command(
    invocation: Invocation, *, up: bool, timeout: float, fail_fast: bool, junit_file: str | None, as_json: bool
) -> int:
    """Try the manifest's `smoke` steps one after another: requests, commands, connections, messages.

    A step that fails is told with what was expected and what came, the state of its service and
    its last lines. Ends with 0 when all steps were good, 1 when one was not, 5 after the timeout.
    """
    from mamctl.cli.interruption import Interrupted, Interruptions
    from mamctl.cli.scoreboard import Scoreboard, require_writable

    manifest = invocation.manifest()
    if not manifest.smoke:
        raise UsageError("the manifest has no smoke steps", "write some beneath `smoke:`, as in docs/smoke.md")
    if not up and invocation.status() is None:
        raise NoSupervisor(
            "nothing runs that could be tried", "`mamctl smoke --up` starts it for that time, `mamctl up -d` to stay"
        )
    if junit_file is not None:
        require_writable(junit_file)
    board = Scoreboard(invocation, manifest, silent=as_json)
    with Interruptions() as interruptions:
        smoke = Smoke(invocation, manifest, board, interruptions, timeout=timeout, fail_fast=fail_fast)
        try:
            smoke.run(up=up)
        except Interrupted as interrupted:
            smoke.break_off("the run was interrupted")
            code = interrupted.exit_code
        except MamctlError as error:
            smoke.break_off(error.message)
            board.report(junit_file)
            raise
        else:
            code = _exit_code(board)
        board.report(junit_file)
    return code


def _exit_code(board: Scoreboard) -> int:
    if board.timed_out:
        return TimedOut.exit_code
    return 0 if board.document()["ok"] else MamctlError.exit_code


class Smoke:
    """One run from beginning to end, with or without bringing the stack up for it."""

    def __init__(
        self,
        invocation: Invocation,
        manifest: Manifest,
        board: Scoreboard,
        interruptions: Interruptions,
        *,
        timeout: float,
        fail_fast: bool,
    ) -> None:
        self._invocation = invocation
        self._board = board
        self._interruptions = interruptions
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._fail_fast = fail_fast
        self._manifest = manifest
        self._run: Run | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self, *, up: bool) -> None:
        """Try all steps. Raises Interrupted, and what keeps the stack from coming up."""
        if not up:
            self._try_all()
            return
        from mamctl.cli.scaffold import standing

        with standing(self._invocation, self._manifest, self._timeout) as stack:
            self._board.started = list(stack.started)
            self._board.add(_brought_up(stack, self._board))
            if stack.report["ok"]:
                self._try_all()
            else:
                self._board.timed_out = not stack.report["settled"]
                self.break_off(f"not tried: {_UP} did not come true")

    def break_off(self, why: str) -> None:
        """Account for the steps that were not tried, or not to their end."""
        self._board.clear()
        run = self._run or self._new_run()
        run.break_off(why)

    def _new_run(self) -> Run:
        from mamctl.cli.asrun import manifest_as_run
        from mamctl.runtime.smoke.run import Run

        with suppress(MamctlError):
            self._manifest = manifest_as_run(self._invocation)
        return Run(self._manifest, self._invocation.environ, self._board, fail_fast=self._fail_fast)

    def _try_all(self) -> None:
        self._run = self._new_run()
        with self._interruptions.calling(self._cancel), suppress(asyncio.CancelledError):
            try:
                asyncio.run(self._drive(self._run))
            except TimeoutError:
                self._board.timed_out = True
                self.break_off(f"the run was to end within {self._timeout:g} s")
        self._board.clear()

    async def _drive(self, run: Run) -> None:
        self._task = asyncio.current_task()
        if self._interruptions.pending:
            return
        ticker = asyncio.create_task(self._board.tick())
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                await run.run()
        finally:
            ticker.cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)


def _brought_up(stack: Standing, board: Scoreboard) -> dict[str, Any]:
    """Return the step that `--up` is: it is good when all that is wanted is ready."""
    report = stack.report
    names = [entry["service"] for entry in report.get("failed") or ()]
    pending = [entry["service"] for entry in report.get("pending") or ()]
    rows = (report.get("status") or {"services": []})["services"]
    detail = None
    if not report["ok"]:
        detail = f"{', '.join(names) or 'what is wanted'} did not become ready"
        detail = detail if report["settled"] else f"not up within the time: {', '.join(pending) or 'it takes longer'}"
    return {
        "name": _UP,
        "kind": "up",
        "verdict": "passed" if report["ok"] else "failed",
        "seconds": stack.seconds,
        "tries": 1,
        "detail": detail,
        "expected": None,
        "got": None,
        "service": None,
        "services": [board.about(row) for row in rows if row["name"] in {*names, *pending}],
    }
