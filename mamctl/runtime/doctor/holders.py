"""Ports: free, ours, in somebody else's hands, or not for this user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.runtime.doctor.finding import Finding, Level, ok
from mamctl.runtime.ports import Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_AREA: Final = "ports"
_GOOD: Final = {Standing.FREE, Standing.OURS, Standing.CLOSING}


def check_ports(
    records: Iterable[Mapping[str, Any]], *, flexible: Collection[tuple[str, str]], external: Collection[str]
) -> Iterator[Finding]:
    """Judge the records of `mamctl ports`. `flexible` ports take another number when theirs is taken."""
    for record in records:
        service, name, number = str(record["service"]), str(record["name"]), record["port"]
        if not number:
            yield ok(_AREA, f"port {name} of {service} is chosen when it starts")
            continue
        where = f"port {number} of {service}"
        state = str(record["state"])
        if state in _GOOD:
            yield ok(_AREA, f"{where} is {state}")
        elif service not in external:
            yield _bad(where, state, record.get("holder"), movable=(service, name) in flexible, service=service)


def _bad(where: str, state: str, holder: Mapping[str, Any] | None, *, movable: bool, service: str) -> Finding:
    who = _described(holder or {})
    if movable and state != Standing.ORPHANED:
        return Finding(Level.NOTE, _AREA, f"{where} is {state}: {who}; another is chosen", None)
    match state:
        case Standing.ORPHANED:
            fix = "`mamctl up -d` takes it over, `mamctl down` stops it"
            return Finding(Level.WARNING, _AREA, f"{where} is held by what an earlier run left: {who}", fix)
        case Standing.RESERVED:
            fix = f"choose a port from 1024 on for {service}, or lower net.ipv4.ip_unprivileged_port_start"
            return Finding(Level.ERROR, _AREA, f"{where} is reserved: this user may not bind it", fix)
        case Standing.UNAVAILABLE:
            fix = f"correct `host` of {service}"
            return Finding(Level.ERROR, _AREA, f"{where}: this machine does not have its address", fix)
        case _:
            fix = f"stop the holder, or change `port` of {service}"
            return Finding(Level.ERROR, _AREA, f"{where} is held by {who}", fix)


def _described(holder: Mapping[str, Any]) -> str:
    if holder.get("text"):
        return str(holder["text"])
    pid = holder.get("pid")
    command = f" ({holder['command']})" if holder.get("command") else ""
    return f"pid {pid}{command}" if pid else "an unknown process"
