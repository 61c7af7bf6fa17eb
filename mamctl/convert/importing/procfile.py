"""Procfile: `NAME: COMMAND`, one a line, with the ports of foreman: 5000 for the first, 100 more for each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.commands import shell_line
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.value import Value
from mamctl.convert.importing.variables import beside

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

FIRST_PORT: Final = 5000
STEP: Final = 100
_LINE: Final = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(\S.*)")


def draft(sources: list[Source], stack: Stack, _tools: Tools) -> list[Value]:
    """Add the services of a Procfile."""
    source = sources[0]
    port = _first_port(stack)
    root = Value(1, source.shown, seen=True, pairs={})
    problems = []
    for number, line in enumerate(source.text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if not found:
            problems.append(refuse(source.shown, number, "is no NAME: COMMAND", "a comment begins with #"))
            continue
        service = stack.add(found[1], Value(number, source.shown, found[1], found[2]))
        _fill(service, found[2], min(port, 65535))
        port += STEP
    if problems or not stack.services:
        raise Unreadable("a Procfile", tuple(problems) or (refuse(source.shown, 1, "there is no process in it"),))
    stack.note(
        root, "foreman ends everything when one process ends; here it is started again (`essential` says otherwise)"
    )
    return [root]


def _fill(service: Service, line: str, port: int) -> None:
    value = Value(service.line, service.file, service.name)
    service.keys |= shell_line(line)
    if service.name == "release":
        service.set(("kind",), "task")
        service.note(value, "a release process is a task: run to its end, then nothing")
        return
    if service.name == "web" or "$PORT" in line or "${PORT" in line:
        service.set(("port",), port)
        return
    # Foreman gives each process a port; one that does not listen must not be waited for.
    service.add_env({"PORT": str(port)})


def _first_port(stack: Stack) -> int:
    """Return the first port, as `.env` may say, which also goes to all services."""
    pairs = beside(stack)
    if pairs:
        stack.keys["env_file"] = [{"path": stack.around.path(".env"), "required": False}]
    base = pairs.get("PORT", "")
    return int(base) if base.isascii() and base.isdigit() and 1 <= int(base[:6]) <= 65535 else FIRST_PORT
