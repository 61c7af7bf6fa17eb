"""The plain forms of everyday commands without click: what is asked again and again must cost almost nothing.

`attempt` answers `status`, `ps` (with `--json`), `up -d` and `down`, each with `-f FILE` before it if need be, and
leaves everything else, errors of `status` and all help included, to the click commands.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from mamctl.core.errors import NoSupervisor, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAIN: Final = (
    ("status",),
    ("ps",),
    ("status", "--json"),
    ("ps", "--json"),
    ("up", "-d"),
    ("up", "--detach"),
    ("down",),
)


def attempt(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Carry out a plain command and return its exit code; None leaves the command to click."""
    words = list(arguments)
    file: str | None = None
    if len(words) >= 2 and words[0] in ("-f", "--file"):
        file = words[1]
        del words[:2]
    if tuple(words) not in PLAIN:
        return None
    if words[0] in ("status", "ps"):
        return _status(file, environ, as_json=len(words) > 1)
    return _up_or_down(words[0], file, environ)


def _status(file: str | None, environ: Mapping[str, str], *, as_json: bool) -> int | None:
    document = _ask(file, environ)
    if document is None:
        return None
    sys.stdout.write(_json(document) if as_json else _table(document, environ))
    sys.stdout.flush()
    return exit_code(document)


def _up_or_down(word: str, file: str | None, environ: Mapping[str, str]) -> int:
    from mamctl.cli.invocation import Invocation

    invocation = Invocation(file=file, color="auto", environ=environ)
    if word == "down":
        from mamctl.cli import takedown

        return takedown.take_down(invocation, takedown.PATIENCE)
    from mamctl.cli import detached

    return detached.bring_up(invocation, detached.EVERYTHING, detached.PATIENCE)


def exit_code(document: Mapping[str, Any]) -> int:
    """Return 0 when all that is wanted is ready or completed, 3 when not, 4 without a supervisor."""
    from mamctl.ui.words import all_well

    if document.get("supervisor") is None:
        return 4
    return 0 if all_well(document["services"]) else 3


def _ask(file: str | None, environ: Mapping[str, str]) -> dict[str, Any] | None:
    from mamctl.cli.search import stack_place
    from mamctl.control.client import Client

    try:
        found: dict[str, Any] = Client(stack_place(file, environ).socket).request("GET", "/v1/status")
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
