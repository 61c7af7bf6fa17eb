"""The exec probe: a command in the service's folder and environment exits 0."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from mamctl.runtime.probes.command import Command
from mamctl.runtime.probes.outcome import Outcome, seconds

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ExecProbe, Probe
    from mamctl.runtime.probes.context import Context


async def check(probe: Probe, check: ExecProbe, context: Context, pids: set[int]) -> Outcome:
    """Run the command, its pid in `pids` meanwhile; what it leaves is killed."""
    name = check.argv[0]
    try:
        command = Command((*context.prefix, *check.argv), env=context.env, cwd=context.cwd, pids=pids)
    except OSError as error:
        return _failure(_not_started(error, name, context.cwd))
    try:
        code = await command.finish(probe.timeout)
    except TimeoutError:
        return _failure(_with(f"{name} did not end within {seconds(probe.timeout)}", command.complaint))
    if code == 0:
        return Outcome(ok=True, detail="exit 0", answered=True)
    return _failure(_with(_ended(code), command.complaint))


def _failure(detail: str) -> Outcome:
    return Outcome(ok=False, detail=detail, answered=False)


def _with(what: str, complaint: str) -> str:
    return f"{what}: {complaint}" if complaint else what


def _ended(code: int | None) -> str:
    if code is None:
        return "its exit status was lost"
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _not_started(error: OSError, name: str, cwd: str) -> str:
    if isinstance(error, FileNotFoundError) and not os.path.isdir(cwd):
        return f"no such folder: {cwd}"
    if isinstance(error, FileNotFoundError):
        return f"command not found: {name}"
    return f"cannot run {name}: {os.strerror(error.errno).lower() if error.errno else error}"
