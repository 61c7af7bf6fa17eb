"""A manifest that is taken in parts is whole after each of them, and in the end the one on disk."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import given, note
from hypothesis import strategies as st

from mamctl.control.xmlrpc import config
from mamctl.control.xmlrpc.faults import Fault
from mamctl.control.xmlrpc.program import groups
from mamctl.control.xmlrpc.stack import Memory, Stack
from mamctl.core.graph import find_cycle
from mamctl.core.manifest.choices import Condition
from mamctl.core.manifest.model import Dependency, Manifest, Port, ServiceSpec
from mamctl.core.manifest.replicas import Replicas

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

NAMES = "abcd"
READY = Dependency(Condition.READY)


@st.composite
def manifests(draw: DrawFn) -> Manifest:
    """Some groups, some of them with replicas; each may need those before it in an order of its own."""
    order = draw(st.permutations(NAMES))[: draw(st.integers(1, len(NAMES)))]
    services: dict[str, ServiceSpec] = {}
    replicas: dict[str, Replicas] = {}
    for group in order:
        known = list(services)
        needs = dict.fromkeys(draw(st.lists(st.sampled_from(known), unique=True)) if known else (), READY)
        number = draw(st.sampled_from([0, 1, 2, None]))
        argv, ports = (draw(st.sampled_from("xy")),), _ports(draw, services)
        if number is None:
            services[group] = ServiceSpec(group, argv=argv, depends_on=needs, ports=ports)
            continue
        replicas[group] = Replicas(number, number)
        for one in range(1, number + 1):
            name = f"{group}-{one}"
            services[name] = ServiceSpec(name, argv=argv, depends_on=needs, replica_of=group, replica=one)
    return Manifest("m", "/m", "/", services, replicas=replicas)


def _ports(draw: DrawFn, services: dict[str, ServiceSpec]) -> tuple[Port, ...]:
    taken = {port.number for spec in services.values() for port in spec.ports}
    number = draw(st.sampled_from([None, 1, 2]))
    return () if number is None or number in taken else (Port("http", number, number),)


class OnDisk:
    """What the methods ask of a stack in which nothing runs."""

    def __init__(self, active: Manifest, disk: Manifest) -> None:
        self.manifest, self.disk = active, disk
        self.services: dict[str, Any] = {}

    def read(self) -> Manifest:
        return self.disk

    def take(self, manifest: Manifest) -> None:
        """Take it, if it is whole."""
        assert all(name in manifest.services for spec in manifest.services.values() for name in spec.depends_on)
        assert not find_cycle({name: spec.depends_on for name, spec in manifest.services.items()})
        assert {spec.service for spec in manifest.services.values() if spec.replica_of} <= manifest.replicas.keys()
        self.manifest = manifest

    def starts_by_itself(self, _spec: ServiceSpec) -> bool:
        return False


def told(manifest: Manifest) -> str:
    """Return what a failed example is to be told by."""
    specs = manifest.services.values()
    return str([(one.name, one.argv, list(one.depends_on), [port.number for port in one.ports]) for one in specs])


async def update(stack: Stack) -> None:
    """Do what supervisorctl's update does."""
    ((added, changed, removed),) = await config.reload(stack)
    for name in removed:
        await config.remove(stack, name)
    for name in changed:
        await config.remove(stack, name)
        await config.add(stack, name)
    for name in added:
        await config.add(stack, name)


@given(manifests(), manifests())
def test_whatever_changed_an_update_ends_at_what_is_on_disk(active: Manifest, disk: Manifest) -> None:
    programs: Any = OnDisk(active, disk)
    operator: Any = SimpleNamespace()
    stack = Stack(operator, operator, programs, Memory(), remote=False)
    try:
        asyncio.run(update(stack))
    except Fault as fault:
        note(f"{fault.text}: {told(active)} -> {told(disk)}, at {told(programs.manifest)}")
        assert config.TOGETHER in fault.text  # noqa: PT017 - what cannot be done in parts is refused with the way out
        return
    note(f"{told(active)} -> {told(disk)}, at {told(programs.manifest)}, aside {stack.memory.aside}")
    assert programs.manifest.services == disk.services
    assert programs.manifest.replicas == disk.replicas
    assert stack.memory.aside == set()
    assert asyncio.run(config.reload(stack)) == [[[], [], []]]


@given(manifests(), manifests(), st.sampled_from(NAMES))
def test_after_one_group_each_other_is_as_it_was_or_as_it_is_on_disk(
    active: Manifest, disk: Manifest, name: str
) -> None:
    if name not in groups(disk) or name in groups(active):
        return
    programs: Any = OnDisk(active, disk)
    operator: Any = SimpleNamespace()
    stack = Stack(operator, operator, programs, Memory(), remote=False)
    asyncio.run(config.reload(stack))
    try:
        asyncio.run(config.add(stack, name))
    except Fault:
        assert programs.manifest is active
        return
    found, before, after = groups(programs.manifest), groups(active), groups(disk)
    assert found[name] == after[name]
    for group in {*found, *before}:
        assert found.get(group) in (before.get(group), after.get(group))
