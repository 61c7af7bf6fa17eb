"""Whether a service's ports are free right now, and if not, in whose hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.model import Listener
from mamctl.core.states import Reason
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.ports import PortState, bind_test

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mamctl.core.manifest.model import ServiceSpec


def require_free(spec: ServiceSpec, project: str, instances: Callable[[], Collection[str]]) -> None:
    """Raise LaunchError about the first port that cannot be had; `instances` tells the markers of what lives."""
    if spec.listener is Listener.ANY:
        return
    for port in spec.ports:
        state = bind_test(spec.host, port.number)
        if state is not PortState.FREE:
            raise _conflict(spec.host, port.number, project, instances())


def _conflict(host: str, port: int, project: str, instances: Collection[str]) -> LaunchError:
    from mamctl.runtime.ports import Standing, find_holder

    holder = find_holder(host, port, project=project, instances=instances)
    if holder is None:
        detail = f"port {port} of {host} cannot be bound: is {host} an address of this machine?"
        return LaunchError(Reason.PORT_TAKEN, detail, final=True)
    who = holder.describe()
    match holder.standing:
        case Standing.RESERVED:
            who = f"port {port} is reserved: this user may not bind it"
        case Standing.ORPHANED:
            who = f"port {port} is held by our own orphan of {holder.service}, {who}"
        case Standing.OURS:
            who = f"port {port} is held by our service {holder.service}, {who}"
        case _:
            who = f"port {port} is held by {who}"
    return LaunchError(Reason.PORT_TAKEN, who, final=holder.standing is not Standing.CLOSING)
