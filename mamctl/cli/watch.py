"""`mamctl status --watch`: the table again every second, painted over itself."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING, Final

from mamctl.cli.keyboard import Keyboard
from mamctl.cli.quick import exit_code
from mamctl.cli.status import document_of, narrowed
from mamctl.core.errors import UsageError
from mamctl.ui.live import HIDE_CURSOR, SHOW_CURSOR
from mamctl.ui.status import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.cli.invocation import Invocation

SECONDS: Final = 1.0


def watch_status(invocation: Invocation, services: tuple[str, ...]) -> int:
    """Paint the table every second until q or Ctrl-C; return the exit code of the last one."""
    if not sys.stdout.isatty():
        raise UsageError("--watch needs a terminal", "`mamctl events -f` streams what changes")
    keyboard = Keyboard(sys.stdin.fileno()) if sys.stdin.isatty() else None
    code, height = 0, 0
    try:
        if keyboard:
            keyboard.enter()
        while True:
            whole = document_of(invocation)
            document = narrowed(whole, services)
            code = exit_code(document)
            lines = _fitting(page(whole, invocation.width, invocation.paint, only=document["services"]), _rows())
            _write(painted(lines, height))
            height = len(lines)
            if document["supervisor"] is None or _quit(keyboard):
                return code
    except KeyboardInterrupt:
        return code
    finally:
        _write(SHOW_CURSOR)
        if keyboard:
            keyboard.leave()


def painted(lines: Sequence[str], height: int) -> str:
    """Return what paints the lines over the `height` lines before: each is overwritten, then its rest erased."""
    up = f"\x1b[{height}A" if height else ""
    body = "".join(f"{line}\x1b[K\n" for line in lines)
    return f"{HIDE_CURSOR}\r{up}{body}\x1b[J"


def _fitting(lines: list[str], rows: int) -> list[str]:
    """Keep what fits above the line of the cursor: more would scroll and leave copies behind."""
    room = max(rows - 1, 4)
    if len(lines) <= room:
        return lines
    return [*lines[: room - 1], f"({len(lines) - room + 1} more lines: make the terminal taller)"]


def _rows() -> int:
    import os

    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24
    except OSError:
        return 24


def _quit(keyboard: Keyboard | None) -> bool:
    """Wait until the next painting; tell whether q was pressed."""
    waited = [keyboard] if keyboard and keyboard.active else []
    ready, _, _ = select.select(waited, [], [], SECONDS)
    if not ready or keyboard is None:
        return False
    keys = keyboard.read()
    return keys == "" or "q" in keys


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
