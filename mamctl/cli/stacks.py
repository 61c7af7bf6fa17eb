"""`mamctl ls`: every running stack of this user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.control.registry import Stack, stacks
from mamctl.ui import words
from mamctl.ui.amounts import age
from mamctl.ui.table import Cell, Column, draw

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mamctl.cli.invocation import Invocation

_COLUMNS = (
    Column("NAME", least=12),
    Column("STATE", least=34),
    Column("PID", right=True, drop=1),
    Column("UPTIME", right=True, drop=2),
    Column("MANIFEST", least=24),
)


@click.command(
    "ls", cls=Command, short_help="List every running stack of this user.", examples=["mamctl ls", "mamctl ls --json"]
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def ls_command(invocation: Invocation, *, as_json: bool) -> int:
    """List every running stack of this user, wherever its manifest lies."""
    found = stacks(invocation.environ)
    if as_json:
        invocation.document([_record(stack) for stack in found])
    elif found:
        rows = [_cells(stack) for stack in found]
        invocation.say(draw(_COLUMNS, rows, invocation.width, invocation.paint))
    else:
        invocation.tell(["no stack is running"])
    return 0


def _cells(stack: Stack) -> list[Cell]:
    path = Cell(_short(stack.manifest))
    if stack.status is None:
        return [Cell(_name(stack)), Cell("does not answer", "bad"), Cell(str(stack.pid)), Cell(""), path]
    rows = stack.status["services"]
    mood = "good" if words.all_well(rows) else "warn"
    up = age(float(stack.status["supervisor"]["uptime_s"]))
    return [Cell(_name(stack)), Cell(words.totals(rows), mood), Cell(str(stack.pid)), Cell(up), path]


def _name(stack: Stack) -> str:
    return str(stack.status["name"]) if stack.status else os.path.basename(os.path.dirname(stack.manifest))


def _record(stack: Stack) -> Mapping[str, Any]:
    status = stack.status or {}
    rows = status.get("services") or []
    return {
        "name": _name(stack),
        "manifest": stack.manifest,
        "socket": stack.socket,
        "pid": stack.pid,
        "answers": stack.status is not None,
        "uptime_s": (status.get("supervisor") or {}).get("uptime_s"),
        "wanted": len(words.wanted(rows)),
        "well": sum(row["state"] in words.GOOD for row in words.wanted(rows)),
    }


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path
