"""Whether a service's ports are free right now, and if not, in whose hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.states import Reason
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.ports import PortState, bind_test

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from mamctl.runtime.incarnation import Incarnation


def require_free(
    host: str,
    port: int,
    project: tuple[str, str],
    lives: Callable[[], Iterable[Incarnation]],
    holder: Callable[[int], str | None],
) -> None:
    """Raise LaunchError about a port that cannot be had.

    `project` is its name and the folder of its state; `lives` tells the incarnations that run, `holder` names the
    service for which we hold a port open.
    """
    if bind_test(host, port) is PortState.FREE:
        return
    if service := holder(port):
        detail = f"port {port} is held by our service {service}, whose socket stays open while it restarts"
        raise LaunchError(Reason.PORT_TAKEN, detail, final=True)
    raise _conflict(host, port, project, [found.instance for found in lives()])


def who_answers(port: int, host: str, pids: Collection[int]) -> str:
    """Tell whose listeners answer at a port (see `ports.ownership`)."""
    from mamctl.runtime.ports import ownership

    return ownership(port, host, pids)


def _conflict(host: str, port: int, project: tuple[str, str], instances: Collection[str]) -> LaunchError:
    from mamctl.runtime.ports import Standing, find_holder

    holder = find_holder(host, port, project=project[0], instances=instances, home=project[1])
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
        case Standing.FOREIGN if holder.service:
            who = f"port {port} is held by {holder.service} of another stack ({holder.project}), {who}"
        case _:
            who = f"port {port} is held by {who}"
    return LaunchError(Reason.PORT_TAKEN, who, final=holder.standing is not Standing.CLOSING)
