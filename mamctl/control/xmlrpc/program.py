"""Services as supervisord's tools know them: processes in groups.

A service of its own is a process in a group of the same name. One with `replicas` is a group, and each replica is a
process in it: `worker:worker-1`. A name without a group is that of a process whose group has the same name; a
replica's own name is taken too, though supervisord would not know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.core.manifest.choices import Kind
from mamctl.core.supervisord_states import ProcessState, process_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.service import Service

RUNNING: Final = frozenset({ProcessState.RUNNING, ProcessState.BACKOFF, ProcessState.STARTING})
STOPPED: Final = frozenset({ProcessState.STOPPED, ProcessState.EXITED, ProcessState.FATAL, ProcessState.UNKNOWN})
SIGNALLABLE: Final = frozenset({ProcessState.RUNNING, ProcessState.STARTING, ProcessState.STOPPING})


def told_as(service: Service) -> ProcessState:
    """Return the state that supervisord would have for it."""
    return process_state(service.state, service.reason, task=service.spec.kind is Kind.TASK)


def namespec(spec: ServiceSpec) -> str:
    """Return its name as tools write it: `web`, or `worker:worker-1`."""
    return spec.name if spec.service == spec.name else f"{spec.service}:{spec.name}"


def split(name: str) -> tuple[str, str | None]:
    """Return group and process of a name; None: all of the group, `group:*` or `group:`."""
    group, colon, process = name.partition(":")
    if not colon:
        return group, group
    return group, None if process in ("", "*") else process


def groups(manifest: Manifest) -> dict[str, list[ServiceSpec]]:
    """Return the services of a manifest by group. One that was scaled to nobody is an empty group."""
    found: dict[str, list[ServiceSpec]] = {name: [] for name in manifest.replicas}
    for spec in manifest.services.values():
        found.setdefault(spec.service, []).append(spec)
    return found


def processes(stack: Stack) -> list[Service]:
    """Return every process, in the order in which supervisord tells them."""
    shown = (one for one in stack.programs.services.values() if not is_aside(stack, one))
    return sorted(shown, key=lambda one: (one.spec.service, one.name))


def in_order(stack: Stack) -> list[Service]:
    """Return every process in the order of the manifest."""
    return [one for one in stack.programs.services.values() if not is_aside(stack, one)]


def is_aside(stack: Stack, service: Service) -> bool:
    """Tell whether a client removed its group, and nobody has started it since by another way."""
    return service.spec.service in stack.memory.aside and told_as(service) in STOPPED


def members(stack: Stack, group: str) -> list[Service]:
    """Return the processes of a group. Raises Fault."""
    found = [one for one in in_order(stack) if one.spec.service == group]
    if not found and (group not in stack.programs.manifest.replicas or group in stack.memory.aside):
        raise Fault(Code.BAD_NAME, group)
    return found


def one_or_all(stack: Stack, name: str) -> Service | None:
    """Return the process that a name means, None for `group:*`. Raises Fault."""
    group, process = split(name)
    if process is None:
        members(stack, group)
        return None
    found = stack.programs.services.get(process)
    if found is None or is_aside(stack, found) or group not in (found.spec.service, found.name):
        raise Fault(Code.BAD_NAME, name)
    return found


def the_one(stack: Stack, name: str) -> Service:
    """Return the process that a name means. Raises Fault."""
    found = one_or_all(stack, name)
    if found is None:
        raise Fault(Code.BAD_NAME, name)
    return found


def again(stack: Stack, service: Service) -> Service | None:
    """Return a process as it is by now; None when it is gone from the manifest."""
    return stack.programs.services.get(service.name)


def result(service: Service, fault: Fault | None = None) -> dict[str, str | int]:
    """Return how a call about several processes tells what came of one."""
    return {
        "name": service.name,
        "group": service.spec.service,
        "status": int(Code.SUCCESS if fault is None else fault.code),
        "description": "OK" if fault is None else fault.text,
    }


def names(services: Iterable[Service]) -> list[str]:
    """Return the names by which the operator knows them."""
    return [service.name for service in services]
