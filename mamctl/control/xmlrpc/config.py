"""The manifest, group by group: what `supervisorctl reread`, `add`, `remove` and `update` are made of.

`mamctl up` takes a changed manifest as a whole. supervisord's tools take it in parts: reloadConfig only looks, and each
group that is added then is taken over from what was on disk, with those that it needs and that are new; the others stay
as they are. What cannot be done in parts, two services that exchange their ports say, is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import STOPPED, groups, told_as
from mamctl.core.errors import MamctlError, ManifestError
from mamctl.core.graph import Graph, find_cycle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from mamctl.control.xmlrpc.stack import Stack
    from mamctl.core.manifest.model import Manifest, ServiceSpec

TOGETHER: Final = "`mamctl up -d` changes all at once"


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
    now = stack.programs.manifest
    stack.memory.foreseen = (now, disk)
    before, after = groups(now), groups(disk)
    active = before.keys() - stack.memory.aside
    added = [name for name in _in_layers(disk, after) if name not in active]
    changed = [name for name in _in_layers(disk, after) if name in active and after[name] != before[name]]
    # Who depends on others goes first, and comes last.
    removed = [name for name in reversed(_in_layers(now, before)) if name in active and name not in after]
    return [[added, changed, removed]]


@method("supervisor.addProcessGroup")
async def add(stack: Stack, name: str) -> bool:
    """Take a group over from the manifest as reloadConfig saw it, and start what starts by itself."""
    disk = known(stack)
    found, active = groups(disk).get(name), groups(stack.programs.manifest)
    if found is None:
        raise Fault(Code.BAD_NAME, name)
    if name in active and name not in stack.memory.aside:
        raise Fault(Code.ALREADY_ADDED, name)
    along = _along(stack.programs.manifest, disk, name)
    _take(stack, merged(stack.programs.manifest, disk, along, stack.memory.aside), disk)
    stack.memory.aside.discard(name)
    if wanted := [spec.name for spec in found if stack.programs.starts_by_itself(spec)]:
        stack.operator.want(wanted)
    return True


@method("supervisor.removeProcessGroup")
async def remove(stack: Stack, name: str) -> bool:
    """Forget a group that is stopped. While the manifest has it, it can be added again."""
    found = groups(stack.programs.manifest).get(name)
    if found is None or name in stack.memory.aside:
        raise Fault(Code.BAD_NAME, name)
    services = stack.programs.services
    if any(told_as(services[spec.name]) not in STOPPED for spec in found if spec.name in services):
        raise Fault(Code.STILL_RUNNING, name)
    stack.memory.aside.add(name)
    disk = known(stack)
    if name not in groups(disk):
        _take(stack, merged(stack.programs.manifest, disk, frozenset(), stack.memory.aside), disk)
    return True


def known(stack: Stack) -> Manifest:
    """Return the manifest as a client last reread it; the one that holds, when that is another one by now."""
    manifest = stack.programs.manifest
    if stack.memory.foreseen is None or stack.memory.foreseen[0] is not manifest:
        return manifest
    return stack.memory.foreseen[1]


def merged(active: Manifest, disk: Manifest, taken: AbstractSet[str], aside: AbstractSet[str]) -> Manifest:
    """Return the active manifest with some groups `taken` as they are on disk. Raises Fault.

    Groups that were put aside and that the disk has no more are left out, save those that others still need.
    """
    leaving = aside - groups(disk).keys()
    services = _without(_mixed(active, disk, taken), leaving)
    left = leaving - {spec.service for spec in services.values()}
    replicas = {name: count for name, count in active.replicas.items() if name not in taken | left}
    replicas |= {name: count for name, count in disk.replicas.items() if name in taken}
    if (services, replicas) == (disk.services, disk.replicas):
        return disk
    _require_fit(services, taken, disk)
    return replace(active, services=services, replicas=replicas)


def _along(active: Manifest, disk: Manifest, group: str) -> set[str]:
    """Return a group and who must be taken with it: new ones that it needs, and those who needed what is gone."""
    taken: set[str] = set()
    new = {group}
    while new:
        taken |= new
        services = _mixed(active, disk, taken)
        lacking = [spec for spec in services.values() if not services.keys() >= spec.depends_on.keys()]
        needed = {name for spec in lacking if spec.service in taken for name in spec.depends_on if name not in services}
        new = ({spec.service for spec in lacking} | {disk.services[name].service for name in needed}) - taken
    return taken


def _mixed(active: Manifest, disk: Manifest, taken: AbstractSet[str]) -> dict[str, ServiceSpec]:
    """Return the active services, with some groups as they are on disk."""
    others = {name: spec for name, spec in active.services.items() if spec.service not in taken}
    part = {name: spec for name, spec in disk.services.items() if spec.service in taken}
    return _ordered({**others, **part}, disk)


def _without(services: dict[str, ServiceSpec], leaving: AbstractSet[str]) -> dict[str, ServiceSpec]:
    graph = Graph({name: spec.depends_on for name, spec in services.items()})
    needed = set(graph.closure([name for name, spec in services.items() if spec.service not in leaving]))
    return {name: spec for name, spec in services.items() if name in needed}


def _ordered(services: Mapping[str, ServiceSpec], disk: Manifest) -> dict[str, ServiceSpec]:
    place = {name: number for number, name in enumerate(disk.services)}
    return {name: services[name] for name in sorted(services, key=lambda name: place.get(name, len(place)))}


def _in_layers(manifest: Manifest, names: Iterable[str]) -> list[str]:
    """Return groups in the order in which they start, else in that of the file."""
    layers = Graph({name: spec.depends_on for name, spec in manifest.services.items()}).layers()
    depth = {manifest.services[name].service: number for number, found in enumerate(layers) for name in found}
    return sorted(names, key=lambda name: depth.get(name, 0))


def _require_fit(services: Mapping[str, ServiceSpec], taken: AbstractSet[str], disk: Manifest) -> None:
    """Refuse what the manifest's own checks would have refused, had it been written like that."""
    if cycle := find_cycle({name: spec.depends_on for name, spec in services.items()}):
        raise Fault(Code.FAILED, f"dependencies in a circle: {' -> '.join(cycle)}; {TOGETHER}")
    changing = [spec for name, spec in services.items() if spec != disk.services.get(name)]
    held = {port.number: spec.name for spec in changing for port in spec.ports}
    for spec in services.values():
        for port in spec.ports if spec.service in taken else ():
            if port.number in held:
                raise Fault(Code.FAILED, f"{spec.name} wants port {port.number} of {held[port.number]}; {TOGETHER}")


def _take(stack: Stack, manifest: Manifest, disk: Manifest) -> None:
    before = groups(stack.programs.manifest).keys()
    try:
        stack.programs.take(manifest)
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None
    # What is added next was seen at the same time.
    stack.memory.foreseen = (stack.programs.manifest, disk)
    now = groups(stack.programs.manifest).keys()
    # What came along is there for who needs it, and is still to be added by its own name.
    stack.memory.aside = (stack.memory.aside & now) | (now - before)
