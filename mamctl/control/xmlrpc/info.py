"""How a process and its configuration are told, field by field as supervisord 4 does it."""

from __future__ import annotations

import datetime as dt
import math
import pwd
import shlex
import time
from typing import TYPE_CHECKING, Any

from mamctl.control.xmlrpc.program import told_as
from mamctl.core.manifest.choices import Streams
from mamctl.core.supervisord_states import ProcessState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.service import Service

# What a signal ended has no exit status; supervisord says this in its place.
SIGNALLED = -1


def process_info(stack: Stack, service: Service) -> dict[str, Any]:
    """Return what getProcessInfo answers."""
    times, state = stack.programs.times(service.name), told_as(service)
    logs = stack.programs.logs(service.run)
    found: dict[str, Any] = {
        "name": service.name,
        "group": service.spec.service,
        "start": int(times.started),
        "stop": int(times.stopped),
        "now": int(stack.programs.now),
        "state": int(state),
        "statename": state.name,
        "spawnerr": _error(service, state),
        "exitstatus": _status(service),
        "logfile": logs.get("stdout", ""),
        "stdout_logfile": logs.get("stdout", ""),
        "stderr_logfile": logs.get("stderr", ""),
        "pid": service.pid or 0,
    }
    # supervisord has nothing to say of a start; here one may wait for others, and says for whom.
    waits = service.detail or "" if state is ProcessState.STARTING else ""
    return {**found, "description": description(found, state) or waits}


def description(found: Mapping[str, Any], state: ProcessState) -> str:
    """Return the words of the last column of `supervisorctl status`."""
    match state:
        case ProcessState.RUNNING if not found["pid"]:
            return "not a process of this stack"
        case ProcessState.RUNNING:
            return f"pid {found['pid']}, uptime {dt.timedelta(seconds=max(0, found['now'] - found['start']))}"
        case ProcessState.FATAL | ProcessState.BACKOFF:
            return found["spawnerr"] or f'unknown error (try "tail {found["name"]}")'
        case ProcessState.STOPPED | ProcessState.EXITED if found["start"]:
            return time.strftime("%b %d %I:%M %p", time.localtime(found["stop"]))
        case ProcessState.STOPPED | ProcessState.EXITED:
            return "Not started"
        case _:
            return ""


def config_info(stack: Stack, spec: ServiceSpec, *, layer: int, in_use: bool) -> dict[str, Any]:
    """Return what getAllConfigInfo tells of one process. Its `layer`, in which it starts, stands for a priority."""
    inner = spec.external.spawned if spec.external and spec.external.spawned else spec
    merged = inner.logs.streams is not Streams.SPLIT
    attempts = inner.restart.max_attempts
    return {
        "name": spec.name,
        "group": spec.service,
        "inuse": in_use,
        "autostart": stack.programs.starts_by_itself(spec),
        "command": shlex.join(inner.argv),
        "directory": inner.cwd,
        "uid": _uid(inner.account.user),
        "exitcodes": sorted(inner.success_exit_codes),
        "group_prio": layer,
        "process_prio": layer,
        "killasgroup": True,
        "redirect_stderr": merged,
        "startretries": "none" if attempts is None else attempts,
        "startsecs": 0,
        "stopsignal": inner.stop.signal,
        "stopwaitsecs": math.ceil(inner.stop.grace),
        "serverurl": "none",
        **_stream(stack, inner, "stdout"),
        **_stream(stack, inner, "stderr"),
    }


def _stream(stack: Stack, spec: ServiceSpec, channel: str) -> dict[str, Any]:
    return {
        f"{channel}_logfile": stack.programs.logs(spec).get(channel, "none"),
        f"{channel}_logfile_backups": spec.logs.keep,
        f"{channel}_logfile_maxbytes": spec.logs.max_size,
        f"{channel}_capture_maxbytes": 0,
        f"{channel}_events_enabled": False,
        f"{channel}_syslog": False,
    }


def _uid(user: str | None) -> int | str:
    """Return the number of a user, `none` where there is no such one, and where it is not changed."""
    if user is None:
        return "none"
    try:
        return int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    except KeyError:
        return "none"


def _error(service: Service, state: ProcessState) -> str:
    if state not in (ProcessState.BACKOFF, ProcessState.FATAL, ProcessState.EXITED):
        return ""
    return service.detail or ""


def _status(service: Service) -> int:
    if service.pid is not None:
        return 0
    return SIGNALLED if service.exit_signal is not None else service.exit_code or 0
