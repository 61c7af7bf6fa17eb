"""`mamctl status`: the table, also of a stack that does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.families import families_in
from mamctl.cli.quick import exit_code
from mamctl.core.errors import UsageError
from mamctl.core.selection import select
from mamctl.ui.status import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation
    from mamctl.control.place import Place
    from mamctl.core.manifest.model import Manifest, ServiceSpec


@click.command(
    "status",
    cls=Command,
    remote=True,
    short_help="Show every service: how it is, and why.",
    examples=["mamctl status", "mamctl status --watch", "mamctl status 'worker-*' --json"],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--watch", is_flag=True, help="Keep it up to date; q or Ctrl-C ends it.")
@click.option("--flat", is_flag=True, help="In the manifest's order, without rules between the layers of the start.")
@pass_invocation
def status_command(invocation: Invocation, services: tuple[str, ...], *, as_json: bool, watch: bool, flat: bool) -> int:
    """Show every service: state, why, pid, ports, uptime, restarts, CPU, memory. `ps` is the same.

    Services stand in the order of the start: beneath each rule are those that need one above it.

    Ends with 0 when all that is wanted is ready or completed, 3 when something is not,
    4 when no supervisor runs (the manifest's table is shown, everything stopped).
    """
    if watch:
        from mamctl.cli.watch import watch_status

        if as_json:
            raise UsageError("--watch repaints a table; --json is one document", "`mamctl events -f --json` streams")
        return watch_status(invocation, services, flat=flat)
    whole = document_of(invocation)
    document = narrowed(whole, services)
    if as_json:
        invocation.document(document)
    else:
        invocation.say(page(whole, invocation.width, invocation.paint, only=document["services"], flat=flat))
    if document["supervisor"] is None and not as_json:
        invocation.tell(left_running(invocation, document))
    return exit_code(document)


def left_running(invocation: Invocation, document: Mapping[str, Any]) -> list[str]:
    """Say what to do without a supervisor; one that was killed may have left processes that no table shows."""
    hint = invocation.side_paint("note", "hint:")
    left = document["left_running"]
    if not left:
        return [f"{hint} `mamctl up -d` starts it"]
    who = ", ".join(f"{orphan['service']} (pid {orphan['pid']})" for orphan in left)
    guard = document["guardian"]
    if guard is None:
        why = "its supervisor died and left running"
    else:
        why = f"its supervisor crashed {guard['crashes']} times in a minute; guardian {guard['pid']} keeps running"
    return [f"{why}: {who}", f"{hint} `mamctl up -d` takes them over, `mamctl down` stops them"]


def document_of(invocation: Invocation) -> dict[str, Any]:
    """Return the running stack's status document, or the manifest's with everything stopped."""
    found = invocation.status()
    return found if found is not None else _unsupervised(at_rest(invocation.manifest()), invocation.place)


def _unsupervised(document: dict[str, Any], place: Place) -> dict[str, Any]:
    """Add to a document what lives without a supervisor: one that was killed may have left processes."""
    from mamctl.control.door import ask_guardian
    from mamctl.runtime.orphans import find_left

    guard = ask_guardian(place)
    left = [orphan._asdict() for orphan in find_left(place.home, place.journal)]
    leaders = {orphan["service"]: orphan["pid"] for orphan in reversed(left)}
    for row in document["services"]:
        if row["name"] in leaders:
            row |= {"pid": leaders[row["name"]], "detail": "its process runs on without a supervisor"}
    return {**document, "guardian": guard._asdict() if guard else None, "left_running": left}


def narrowed(document: dict[str, Any], patterns: tuple[str, ...]) -> dict[str, Any]:
    """Return the document with the chosen rows only; a service's name means all its replicas."""
    if not patterns:
        return document
    chosen = set(select(patterns, [row["name"] for row in document["services"]], families_in(document)))
    return {**document, "services": [row for row in document["services"] if row["name"] in chosen]}


def at_rest(manifest: Manifest) -> dict[str, Any]:
    """Return the status document of a manifest that no supervisor runs."""
    import os

    from mamctl.core.graph import Graph
    from mamctl.core.manifest.replicas import as_documents

    layers = Graph({name: spec.depends_on for name, spec in manifest.services.items()}).layers()
    depths = {name: depth for depth, names in enumerate(layers) for name in names}
    rows = [{**_row(spec), "layer": depths[spec.name]} for spec in manifest.services.values()]
    return {
        "name": manifest.name,
        "manifest": os.path.basename(manifest.path),
        "supervisor": None,
        "replicas": as_documents(manifest.replicas),
        "services": rows,
        "wanted_settled": True,
    }


def _row(spec: ServiceSpec) -> dict[str, Any]:
    unknown = dict.fromkeys(
        (
            *("reason", "detail", "pid", "next_attempt_in_s", "next_run_at", "uptime_s"),
            *("ready_s", "exit_code", "exit_signal", "cpu_percent", "memory_bytes"),
        )
    )
    ports = {port.name: port.number for port in spec.ports if port.number}
    return {
        "name": spec.name,
        "service": spec.service,
        "kind": str(spec.kind),
        "ownership": "external" if spec.external else "managed",
        "wanted": "down",
        "state": "stopped",
        **unknown,
        "generation": 0,
        "restarts": 0,
        "attempt": 0,
        "max_attempts": spec.restart.max_attempts,
        "ports": ports,
        "url": spec.url if ports else None,
        "depends_on": list(spec.depends_on),
        "tty": spec.tty,
        "log": f"logs/{spec.name}.log",
    }
