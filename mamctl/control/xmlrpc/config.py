"""The manifest, group by group: what `supervisorctl reread`, `add`, `remove` and `update` are made of.

`mamctl up` takes a changed manifest as a whole. supervisord's tools take it in parts: reloadConfig only looks, and each
group that is added then is taken over from what is on disk by now; the others stay as they are. What would not fit
together, a service whose dependency is not there yet say, is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import STOPPED, groups, told_as
from mamctl.core.errors import MamctlError, ManifestError
from mamctl.core.graph import find_cycle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.manifest.model import Manifest, ServiceSpec


@method("supervisor.reloadConfig")
async def reload(stack: Stack) -> list[Any]:
    """Read the manifest and tell which groups are new, changed and gone; nothing is changed yet."""
    try:
        disk = stack.programs.read()
    except ManifestError as error:
        why = "; ".join(map(str, error.problems[:5]))
        raise Fault(Code.CANT_REREAD, f"{error.message}: {why}") from None
    except MamctlError as error:
        raise Fault(Code.CANT_REREAD, error.message) from None
    stack.foreseen = (stack.programs.manifest, disk)
    before, after = groups(stack.programs.manifest), groups(disk)
    active = before.keys() - stack.aside
    added = [name for name in after if name not in active]
    changed = [name for name in after if name in active and after[name] != before[name]]
    removed = [name for name in before if name in active and name not in after]
    return [[added, changed, removed]]


@method("supervisor.addProcessGroup")
async def add(stack: Stack, name: str) -> bool:
    """Take a group over from the manifest as reloadConfig saw it, and start what starts by itself."""
    disk = known(stack)
    found = groups(disk).get(name)
    if found is None:
        raise Fault(Code.BAD_NAME, name)
    if name in groups(stack.programs.manifest) and name not in stack.aside:
        raise Fault(Code.ALREADY_ADDED, name)
    _take(stack, merged(stack.programs.manifest, disk, name), disk)
    stack.aside.discard(name)
    if wanted := [spec.name for spec in found if stack.programs.starts_by_itself(spec)]:
        stack.operator.want(wanted)
    return True


@method("supervisor.removeProcessGroup")
async def remove(stack: Stack, name: str) -> bool:
    """Forget a group that is stopped. While the manifest has it, it can be added again."""
    found = groups(stack.programs.manifest).get(name)
    if found is None or name in stack.aside:
        raise Fault(Code.BAD_NAME, name)
    services = stack.programs.services
    if any(told_as(services[spec.name]) not in STOPPED for spec in found if spec.name in services):
        raise Fault(Code.STILL_RUNNING, name)
    disk = known(stack)
    if name in groups(disk):
        stack.put_aside([name])
    else:
        _take(stack, merged(stack.programs.manifest, disk, name), disk)
    return True


def known(stack: Stack) -> Manifest:
    """Return the manifest as a client last reread it; the one that holds, when that is another one by now."""
    manifest = stack.programs.manifest
    if stack.foreseen is None or stack.foreseen[0] is not manifest:
        return manifest
    return stack.foreseen[1]


def merged(active: Manifest, disk: Manifest, group: str) -> Manifest:
    """Return the active manifest with one group as it is on disk: changed, new, or gone. Raises Fault."""
    others = {name: spec for name, spec in active.services.items() if spec.service != group}
    part = {name: spec for name, spec in disk.services.items() if spec.service == group}
    services = _ordered({**others, **part}, disk)
    if services == disk.services:
        return disk
    _require_fit(services, others, part)
    replicas = {name: count for name, count in active.replicas.items() if name != group}
    if group in disk.replicas:
        replicas[group] = disk.replicas[group]
    return replace(active, services=services, replicas=replicas)


def _ordered(services: Mapping[str, ServiceSpec], disk: Manifest) -> dict[str, ServiceSpec]:
    place = {name: number for number, name in enumerate(disk.services)}
    return {name: services[name] for name in sorted(services, key=lambda name: place.get(name, len(place)))}


def _require_fit(
    services: Mapping[str, ServiceSpec], others: Mapping[str, ServiceSpec], part: Mapping[str, ServiceSpec]
) -> None:
    """Refuse what the manifest's own checks would have refused, had it been written like that."""
    for spec in services.values():
        if missing := [name for name in spec.depends_on if name not in services]:
            raise Fault(Code.FAILED, f"{spec.name} depends on {missing[0]}, which is not active: update that, too")
    if cycle := find_cycle({name: spec.depends_on for name, spec in services.items()}):
        raise Fault(Code.FAILED, f"dependencies in a circle: {' -> '.join(cycle)}; update all of them")
    taken = {port.number: name for name, spec in others.items() for port in spec.ports}
    for name, spec in part.items():
        for port in spec.ports:
            if port.number in taken:
                raise Fault(Code.FAILED, f"{name} wants port {port.number}, which is that of {taken[port.number]}")


def _take(stack: Stack, manifest: Manifest, disk: Manifest) -> None:
    try:
        stack.programs.take(manifest)
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None
    # What is added next was seen at the same time.
    stack.foreseen = (stack.programs.manifest, disk)
