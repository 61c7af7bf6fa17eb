"""`mamctl ports`: every port of the manifest, and who holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.ui.table import Cell, Column, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation

_COLUMNS = (
    Column("PORT", right=True),
    Column("SERVICE", least=10),
    Column("NAME", drop=1),
    Column("HOST", drop=2),
    Column("STATE"),
    Column("HOLDER", least=20),
)
_STYLES = {"free": "dim", "ours": "good", "orphaned": "warn", "foreign": "bad", "reserved": "bad"}


@click.command(
    "ports",
    cls=Command,
    remote=True,
    short_help="Show every port, and who holds it.",
    examples=["mamctl ports", "mamctl ports --json"],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def ports_command(invocation: Invocation, *, as_json: bool) -> int:
    """Show every port of the manifest: free, ours, or held by whom (pid, command, user, age).

    States: free, ours (a service of this stack listens), orphaned (left behind by an earlier
    run of this stack), foreign (somebody else's), reserved (this user may not bind it).
    """
    found = survey_of(invocation)
    if as_json:
        invocation.document({"ports": found})
    elif found:
        invocation.say(draw(_COLUMNS, [_cells(entry) for entry in found], invocation.width, invocation.paint))
    else:
        invocation.tell(["no service has a port"])
    return 0


def survey_of(invocation: Invocation) -> list[dict[str, Any]]:
    """Return one record a port: of the running supervisor, else of what the manifest wants."""
    status = invocation.status()
    if status is not None:
        found: list[dict[str, Any]] = invocation.client.request("GET", "/v1/ports")["ports"]
        return found
    from mamctl.runtime.ports import survey

    manifest = invocation.manifest()
    wanted = [(spec, port) for spec in manifest.services.values() for port in spec.ports]
    fixed = {(spec.host, port.number) for spec, port in wanted if port.number}
    found_rows = survey(sorted(fixed), project=manifest.name, home=invocation.place.home)
    rows = {(row.host, row.number): row for row in found_rows}
    records = []
    for spec, port in wanted:
        row = rows.get((spec.host, port.number))
        holder = row.holder._asdict() | {"text": row.holder.describe()} if row and row.holder else None
        records.append(
            {
                "service": spec.name,
                "name": port.name,
                "host": spec.host,
                "port": port.number or None,
                "state": str(row.state) if row else "auto",
                "holder": holder,
            }
        )
    return records


def _cells(entry: Mapping[str, Any]) -> Sequence[Cell]:
    state = str(entry["state"])
    holder: Any = entry.get("holder")
    told = (holder.get("text") or _described(holder)) if isinstance(holder, dict) else str(holder or "")
    number = "auto" if not entry.get("port") else str(entry["port"])
    return [
        Cell(number),
        Cell(str(entry["service"])),
        Cell(str(entry.get("name") or "")),
        Cell(str(entry.get("host") or "")),
        Cell(state, _STYLES.get(state, "warn" if state != "auto" else "dim")),
        Cell(told),
    ]


def _described(holder: Mapping[str, Any]) -> str:
    if holder.get("pid") is None:
        return "unknown"
    return f"pid {holder['pid']} ({holder['command']})" if holder.get("command") else f"pid {holder['pid']}"
