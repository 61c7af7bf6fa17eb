"""From a draft to a manifest that is valid: names are resolved, and what cannot be is left out with its reason.

A rule sees one key at a time; only the whole manifest tells that two services want one port, or wait for each other.
So the draft is checked as `mamctl validate` would, and what is wrong in it is taken out and told, until nothing is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.rendering import Rendered, render
from mamctl.convert.importing.stack import Note, Service, Stack, all_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mamctl.core.errors import Problem

    Check = Callable[[str], Sequence[Problem]]
# With this the name of the file begins in which a draft is checked.
CHECKED: Final = ".mamctl-import-"
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PORT: Final = re.compile(r"(PORT(?:_[A-Z0-9_]+)?) is ")
# What these say may hold a secret.
_SECRET: Final = frozenset({"env", "command", "hooks"})
# Of these one part may go and the others stay.
_IN_PARTS: Final = frozenset({"depends_on", "ports", "sockets", "limits", "stop", "restart", "logs"})


def settle(stack: Stack, title: str, check: Check, advice: tuple[str, ...] = ()) -> str:
    """Return the text of a valid manifest. Raises Unreadable when nothing is left that can be run.

    What begins with an `advice` is about a key alone, and no reason for that.
    """
    for service in stack.services.values():
        _resolve(service, stack)
    # Each round takes out something; that this ends must not depend on it.
    rounds = 10 + sum(_size(service) for service in stack.services.values())
    for _ in range(rounds):
        if not stack.services:
            break
        rendered = render(stack, title)
        problems = check(rendered.text)
        if not problems:
            return rendered.text
        done = [_take_out(problem, rendered, stack) for problem in problems]
        if not any(done):
            raise Unreadable("a stack", tuple(problems))
    notes = [note for note in all_notes(stack) if not note.message.startswith(advice)]
    told = [refuse(note.file, note.line, ": ".join(filter(None, (note.key, note.message)))) for note in notes]
    raise Unreadable("a stack", tuple(told) or (refuse(title, 1, "nothing in it can be run"),))


def _size(service: Service) -> int:
    """Return how much there is to be taken out."""
    return len(service.keys) + sum(len(value) for value in service.keys.values() if isinstance(value, dict))


def _resolve(service: Service, stack: Stack) -> None:
    """Name what it depends on as it is called here; what is unknown is left out."""
    edges = service.keys.pop("depends_on", {})
    found = {ours: edge for name, edge in edges.items() for ours in stack.renamed.get(name, ()) if ours != service.name}
    for name in edges:
        if not stack.renamed.get(name):
            _leave(service, f"depends_on {name}", "there is no such service in what was imported")
    if found:
        service.keys["depends_on"] = found


def _leave(service: Service, key: str, message: str) -> None:
    service.notes.append(Note(service.file, service.line, key, left_out=True, message=message))


def _take_out(problem: Problem, rendered: Rendered, stack: Stack) -> bool:
    """Take out what a problem is about; tell whether there was something to take."""
    name, key = rendered.owners.get(problem.line, ("", ""))
    if not problem.file.startswith(CHECKED):
        return _without_env_files(problem, stack)
    why = "its value cannot be used here" if key in _SECRET else _QUOTED.sub("...", problem.message)
    if not name:
        return _take_from_top(key, why, stack)
    service = stack.services.get(name)
    if service is not None and (variable := _variable(problem, name)):
        _without_variable(service, variable)
    elif service is not None and key in ("", "command", "shell"):
        _drop(service, why if service.keys.get("command") else "it has no command that can be run here", stack)
    elif service is not None and (part := _part(problem, service, key)):
        del service.keys[key][part]
        _leave(service, f"{key} {part}", why)
    elif service is not None and service.keys.pop(key, None) is not None:
        _leave(service, key, why)
    # Or it was taken out for another problem of the same text.
    return True


def _part(problem: Problem, service: Service, key: str) -> str | None:
    """Return the part of a key that a problem is about, when the other parts mean something without it."""
    parts = service.keys.get(key)
    inside = problem.key.partition(f"services.{service.name}.{key}.")[2]
    if key not in _IN_PARTS or not isinstance(parts, dict) or len(parts) < 2:
        return None
    return next((part for part in (inside, inside.partition(".")[0]) if part in parts), None)


def _variable(problem: Problem, name: str) -> str | None:
    """Return the variable that a problem is about; one of an env file is named in the message alone."""
    inside = problem.key.partition(f"services.{name}.env.")[2]
    found = _PORT.match(problem.message)
    return inside or (found[1] if found else None)


def _without_variable(service: Service, variable: str) -> None:
    """Leave out one variable; one of an env file is taken back, which a port injects anyway."""
    env = service.keys.setdefault("env", {})
    if env.get(variable) is None:
        env[variable] = None
        message = "an env file has it as well; here it is set to the port"
        service.notes.append(Note(service.file, service.line, f"env {variable}", left_out=False, message=message))
        return
    del env[variable]
    if not env:
        del service.keys["env"]
    is_port = variable == "PORT" or variable.startswith("PORT_")
    _leave(service, f"env {variable}", "it is set to the port" if is_port else "its value cannot be used here")


def _without_env_files(problem: Problem, stack: Stack) -> bool:
    """Leave out env files, of which one cannot be read."""
    why = f"{problem.file}, line {problem.line}, cannot be read as an env file"
    everyone: list[Stack | Service] = [stack, *stack.services.values()]
    owners = [one for one in everyone if one.keys.pop("env_file", None) is not None]
    for owner in owners:
        owner.notes.append(Note(problem.file, problem.line, "env_file", left_out=True, message=why))
    return bool(owners)


def _take_from_top(key: str, why: str, stack: Stack) -> bool:
    if key not in stack.keys:
        return False
    del stack.keys[key]
    stack.notes.append(Note("", 0, key, left_out=True, message=why))
    return True


def _drop(service: Service, why: str, stack: Stack) -> None:
    del stack.services[service.name]
    stack.notes += [
        *service.notes,
        Note(service.file, service.line, service.name, left_out=True, message=f"the service: {why}"),
    ]
    for other in stack.services.values():
        edges = other.keys.get("depends_on", {})
        if edges.pop(service.name, None) is not None:
            _leave(other, f"depends_on {service.name}", "that service is left out")
        if not edges:
            other.keys.pop("depends_on", None)
