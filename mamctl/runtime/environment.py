"""The environment a service's process gets, low to high: inherited, from the manifest, injected."""

from __future__ import annotations

import os
import re
from hashlib import blake2s
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import ServiceSpec

# What tells a process of ours from any other, and one incarnation from the next.
MARKER = "MAMCTL_INSTANCE"
# What a run step of ours started bears instead: it is none of ours, and is spared when all that is ours is ended.
EXTERNAL = "MAMCTL_EXTERNAL"
OURS = ("MAMCTL_SERVICE", MARKER, "MAMCTL_PROJECT", "MAMCTL_REPLICA", EXTERNAL)
# What our own service manager told us: it was not meant for the services.
OF_OUR_MANAGER = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID")
# What a service with a terminal of its own is told that it is: what nearly every terminal of today understands.
TERM = "xterm-256color"
NOT_A_LETTER = re.compile(r"[^A-Z0-9]")


def environment(spec: ServiceSpec, project: str, inherited: Mapping[str, str], instance: str) -> dict[str, str]:
    """Return the whole environment of one incarnation; `instance` is new at each spawn."""
    found = {**inherited, **_of_its_user(spec), **spec.env}
    for name in OF_OUR_MANAGER:
        if name in found and name not in spec.env:
            del found[name]
    for name in spec.unset:
        found.pop(name, None)
    found.setdefault("PYTHONUNBUFFERED", "1")
    if spec.tty:
        _fit_to_terminal(found, spec)
    found.update(injected(spec, project, instance))
    return found


def _of_its_user(spec: ServiceSpec) -> Mapping[str, str]:
    if spec.account.user is None:
        return {}
    from mamctl.runtime.accounts import variables  # few services have a user

    return variables(spec.account)


def _fit_to_terminal(found: dict[str, str], spec: ServiceSpec) -> None:
    """Let a service know its own terminal, and nothing of the one that `up` was typed on."""
    for name in ("LINES", "COLUMNS"):
        if name not in spec.env:
            found.pop(name, None)
    if "TERM" not in spec.env and "TERM" not in spec.unset:
        found["TERM"] = TERM


def injected(spec: ServiceSpec, project: str, instance: str) -> dict[str, str]:
    """Return what we add: who it is, and where it is to listen."""
    added = {"MAMCTL_SERVICE": spec.name, MARKER: instance, "MAMCTL_PROJECT": project}
    added["MAMCTL_REPLICA"] = str(spec.replica)
    if spec.ports:
        added["HOST"] = spec.host
        added["PORT"] = str(spec.ports[0].number)
    for port in spec.ports:
        added[f"PORT_{NOT_A_LETTER.sub('_', port.name.upper())}"] = str(port.number)
    return added


def without_markers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without our marks: a supervisor inside a service is not part of that service."""
    return {name: value for name, value in environ.items() if name not in OURS}


def new_instance(project: str, name: str, home: str) -> str:
    """Return a marker that no other incarnation has, and that no other home's begins like."""
    return f"{project}/{name}/{home_tag(home)}{os.urandom(6).hex()}"


def home_tag(home: str) -> str:
    """Return what the last part of all markers of one home begins with: projects of one name may lie in two folders."""
    return blake2s(os.fsencode(home), digest_size=4).hexdigest()
