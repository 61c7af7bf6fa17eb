"""The text of a launchd property list.

`AbandonProcessGroup`: when the guardian is killed, its services are not. `KeepAlive` only after an unsuccessful end, so
that `mamctl down` is heeded. `ExitTimeOut` is above the longest stop that the manifest allows. launchd has no command
to stop with: it sends TERM, upon which the guardian stops everything in order.
"""

from __future__ import annotations

import plistlib
from typing import Any, Final

from mamctl.convert.units.job import Job, Scope, marker

_HEAD: Final = '<plist version="1.0">'


def label(stack: str) -> str:
    """Return the job's label for a stack's name."""
    return f"mamctl.{stack}"


def plist(job: Job) -> str:
    """Return the property list of a job."""
    text = plistlib.dumps(_keys(job), sort_keys=False).decode()
    return text.replace(_HEAD, f"<!-- {marker(job.manifest)} -->\n{_HEAD}", 1)


def _keys(job: Job) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "Label": label(job.name),
        "ProgramArguments": list(job.command("supervise", *job.profile_words)),
        "WorkingDirectory": job.folder,
        "EnvironmentVariables": dict(job.environ),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "AbandonProcessGroup": True,
        "ExitTimeOut": job.patience,
        "ProcessType": "Interactive",
    }
    if job.user is not None and job.scope is Scope.SYSTEM:
        keys["UserName"] = job.user
    return keys
