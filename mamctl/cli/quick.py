"""`mamctl status` without click: what scripts and prompts ask again and again must cost almost nothing.

`attempt` answers only the plain forms (`status`, `ps`, with `--json`, with `-f FILE` before) of a running stack and
leaves everything else, errors and help included, to the click commands.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from mamctl.core.errors import NoSupervisor, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Plain(NamedTuple):
    """A status command in its plain form."""

    file: str | None
    as_json: bool


def attempt(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Answer a plain status command and return its exit code; None leaves the command to click."""
    plain = recognise(arguments)
    if plain is None:
        return None
    document = _ask(plain.file, environ)
    if document is None:
        return None
    sys.stdout.write(_json(document) if plain.as_json else _table(document, environ))
    sys.stdout.flush()
    return exit_code(document)


def recognise(arguments: Sequence[str]) -> Plain | None:
    """Return the plain status command that the arguments are, or None."""
    rest = list(arguments)
    file: str | None = None
    if len(rest) >= 2 and rest[0] in ("-f", "--file"):
        file = rest[1]
        del rest[:2]
    if not rest or rest[0] not in ("status", "ps") or any(word != "--json" for word in rest[1:]):
        return None
    return Plain(file, len(rest) > 1)


def exit_code(document: Mapping[str, Any]) -> int:
    """Return 0 when all that is wanted is ready or completed, 3 when not, 4 without a supervisor."""
    from mamctl.ui.words import all_well

    if document.get("supervisor") is None:
        return 4
    return 0 if all_well(document["services"]) else 3


def _ask(file: str | None, environ: Mapping[str, str]) -> dict[str, Any] | None:
    from mamctl.cli.search import manifest_path
    from mamctl.control.client import Client
    from mamctl.control.place import place

    try:
        where = place(manifest_path(file, environ), environ)
        found: dict[str, Any] = Client(where.socket).request("GET", "/v1/status")
    except (NoSupervisor, UsageError):
        return None
    return found


def _json(document: Mapping[str, Any]) -> str:
    import json

    # The C encoder works only without indentation, and only people look at a terminal.
    return json.dumps(document, indent=2 if sys.stdout.isatty() else None) + "\n"


def _table(document: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    from mamctl.ui.measure import width_of
    from mamctl.ui.paint import paint_for
    from mamctl.ui.status import page

    paint = paint_for(sys.stdout, "auto", environ)
    lines = page(document, width_of(sys.stdout, environ), paint)
    return "".join(f"{line}\n" for line in lines)


def leave(code: int) -> None:
    """End the process now: nothing is open that the interpreter would have to tidy up."""
    sys.stdout.flush()
    os._exit(code)
