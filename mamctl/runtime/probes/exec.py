"""The exec probe: a command in the service's folder and environment exits 0."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from mamctl.runtime.probes.command import Command
from mamctl.runtime.probes.outcome import Outcome, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import ExecProbe


async def check(probe: ExecProbe, env: Mapping[str, str], cwd: str, timeout: float) -> Outcome:  # noqa: ASYNC109 - verdict
    """Run the command; what it leaves is killed."""
    try:
        command = Command(probe.argv, env=env, cwd=cwd)
    except OSError as error:
        return _failure(_not_started(error, probe.argv[0], cwd))
    try:
        code = await command.finish(timeout)
    except TimeoutError:
        return _failure(_with(f"{probe.argv[0]} did not end within {seconds(timeout)}", command.complaint))
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
