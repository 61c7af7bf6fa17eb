"""Whether a service's ports are free right now, and if not, in whose hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.model import Listener
from mamctl.runtime.ports import PortState, bind_test, find_holder

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec


def find_conflict(spec: ServiceSpec, project: str) -> str | None:
    """Return the sentence about the first port that cannot be had, or None when all can."""
    if spec.listener is Listener.ANY:
        return None
    for port in spec.ports:
        state = bind_test(spec.host, port.number)
        if state is not PortState.FREE:
            return describe(spec.host, port.number, state, project)
    return None


def describe(host: str, port: int, state: PortState, project: str) -> str:
    """Say why a port cannot be had."""
    if state is PortState.RESERVED:
        return f"port {port} is reserved: this user may not bind it"
    if state is PortState.NO_ADDRESS:
        return f"{host} is no address of this machine, so port {port} cannot be bound there"
    holder = find_holder(host, port)
    if holder is None:
        return f"port {port} is taken, by whom cannot be seen"
    orphan = f"our own orphan of {holder.service}, " if holder.project == project and holder.service else ""
    return f"port {port} is held by {orphan}{holder.describe()}"
