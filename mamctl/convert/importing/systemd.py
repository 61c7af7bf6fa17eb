"""systemd's .service units, with their drop-ins; several that need each other are imported together."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing import units
from mamctl.convert.importing.exec_lines import Specifiers, as_keys, commands_of
from mamctl.convert.importing.files import Unreadable, read, refuse
from mamctl.convert.importing.rules import apply, attempt
from mamctl.convert.importing.stack import WHOLE_FILE, Note
from mamctl.convert.importing.systemd_rules import ADVICE, SERVICE_RULES, UNIT_RULES
from mamctl.convert.importing.value import Unfit, Value

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack
    from mamctl.core.errors import Problem

WHAT: Final = "a unit of systemd"
_EDGES: Final[dict[str, dict[str, bool]]] = {
    "After": {"required": False},
    "Wants": {"required": False},
    "Upholds": {"required": False},
    "Requires": {"required": True},
    "Requisite": {"required": True},
    "BindsTo": {"required": True, "restart": True},
    "PartOf": {"required": False, "restart": True},
}
_LIKE_THE_SERVICE: Final = ("cwd", "env", "env_file", "user", "group", "umask")


def draft(sources: list[Source], stack: Stack, _tools: Tools) -> list[Value]:
    """Add the services of the units; one that starts nothing is left out, if others do."""
    aliases = _aliases([source.path for source in sources])
    names = {_name(source.path) for source in sources}
    roots: list[Value] = []
    idle: list[Problem] = []
    for source, root in zip(sources, _parsed(sources), strict=True):
        if source.path in aliases:
            continue
        if why := _nothing_in(root):
            idle.append(why)
            continue
        _take(_name(source.path), root, stack, names)
        roots.append(root)
    if not roots:
        raise Unreadable(WHAT, tuple(idle))
    for path, real in aliases.items():
        stack.renamed[_name(path)] = stack.renamed.get(_name(real), [])
        idle.append(refuse(os.path.relpath(path), 1, f"is another name of {os.path.basename(real)}"))
    stack.notes += [Note(one.file, one.line, "", left_out=True, message=one.message) for one in idle]
    return roots


def _name(path: str) -> str:
    return os.path.basename(path).removesuffix(".service")


def _aliases(paths: list[str]) -> dict[str, str]:
    """Return the units that are links to another one that is imported, with that one; a template's are instances."""
    first: dict[str, str] = {}
    for path in sorted(dict.fromkeys(paths), key=os.path.islink):
        if "@" not in os.path.basename(path):
            first.setdefault(os.path.realpath(path), path)
    return {
        path: first[real]
        for path in paths
        if os.path.islink(path) and (real := os.path.realpath(path)) in first and first[real] != path
    }


def _parsed(sources: list[Source]) -> list[Value]:
    """Return what the units and their drop-ins say. Raises Unreadable with all that is wrong in any of them."""
    roots: list[Value] = []
    problems: list[Problem] = []
    for source in sources:
        root = Value(1, source.shown, seen=True, pairs={})
        roots.append(root)
        try:
            units.add(source.text, source.shown, root)
            for path in _drop_ins(source.path):
                units.add(read(path, os.path.relpath(path)), os.path.relpath(path), root)
        except Unreadable as error:
            problems += error.problems
    if problems:
        raise Unreadable(WHAT, tuple(problems))
    return roots


def _drop_ins(path: str) -> list[str]:
    """Return the files beside a unit that change it; a link to /dev/null there says that it does not count."""
    found = sorted(glob.glob(f"{glob.escape(path)}.d/*.conf"))
    return [one for one in found if os.path.realpath(one) != os.devnull]


def _nothing_in(root: Value) -> Problem | None:
    """Return why a unit starts nothing."""
    section = root.get("Service")
    if section is None:
        return refuse(root.file, 1, "there is no [Service] in it")
    value = section.get("ExecStart")
    if value is None or not value.items:
        return refuse(section.file, section.line, "there is no ExecStart in it")
    return None


def _take(name: str, root: Value, stack: Stack, names: set[str]) -> None:
    section = root.get("Service")
    assert section is not None
    service = stack.add(name, section)
    service.file, service.path = root.file, WHOLE_FILE
    service.tell = Specifiers(name).tell
    service.set(("restart",), "never")
    section.seen = True
    _take_command(name, section, service)
    apply(SERVICE_RULES, section, service, ADVICE)
    if unit := root.get("Unit"):
        apply(UNIT_RULES, unit, service, ADVICE)
        _take_edges(unit, service, names)
    if install := root.get("Install"):
        install.why = ADVICE["Install"]
    # Where systemd starts what names no folder.
    service.keys.setdefault("cwd", "/")
    _take_before(name, section, service, stack)
    _finish(section, service)


def _take_command(name: str, section: Value, service: Service) -> None:
    value = section.get("ExecStart")
    assert value is not None
    assert value.items is not None
    kind = section.get("Type")
    several = kind is not None and kind.items and kind.items[-1].text == "oneshot"
    lines = [one for line in value.items for one in (commands_of(line) if several else [line])]
    for line in value.items:
        line.seen = True

    def rule(_value: Value, one: Service) -> None:
        # The failure of one alone is that of the service; of several, one may fail and the others go on.
        one.keys |= as_keys(lines, one, name, forgiving=len(lines) > 1)

    attempt(rule, value, service)
    if not value.seen:
        service.set(("command",), [])


def _take_edges(unit: Value, service: Service, names: set[str]) -> None:
    for key, edge in _EDGES.items():
        value = unit.get(key)
        if value is None:
            continue
        wanted = [word for item in value.items or () for word in (item.text or "").split()]
        known = [word for word in wanted if word.endswith(".service") and word.removesuffix(".service") in names]
        if not known:
            value.leave("none of these units is imported with it; name the other .service files as well")
            continue
        units.last(value)
        if len(known) < len(wanted):
            service.note(value, "only the units that are imported with it are waited for")
        for word in known:
            edges = service.keys.setdefault("depends_on", {})
            before = edges.get(word.removesuffix(".service"), {})
            edges[word.removesuffix(".service")] = {
                "required": edge["required"] or before.get("required", False),
                **({"restart": True} if edge.get("restart") or before.get("restart") else {}),
            }


def _take_before(name: str, section: Value, service: Service, stack: Stack) -> None:
    """Let a task do what ExecStartPre does."""
    value = section.get("ExecStartPre")
    if value is None or not value.items:
        return
    task = stack.add(f"{name}-pre", section)
    task.tell, task.path = service.tell, ""
    try:
        keys = as_keys(value.items, task, name, forgiving=True)
    except Unfit as unfit:
        del stack.services[task.name]
        value.leave(str(unfit))
        return
    value.seen = True
    same: dict[str, object] = {key: service.keys[key] for key in _LIKE_THE_SERVICE if key in service.keys}
    task.keys = {"kind": "task", **keys, **same}
    if "depends_on" in service.keys:
        task.keys["depends_on"] = dict(service.keys["depends_on"])
    service.keys.setdefault("depends_on", {})[f"{name}-pre"] = {"condition": "completed"}
    task.note(value, "it is a task of its own, run once by `up` and not again when the service restarts")


def _finish(section: Value, service: Service) -> None:
    """Settle what only all keys together tell."""
    ready = service.keys.get("ready", {})
    watchdog = section.get("WatchdogSec")
    if "watchdog" in ready and "notify" not in ready:
        del service.keys["ready"]
        if watchdog:
            watchdog.leave("a watchdog needs Type=notify")
    if service.keys.get("kind") == "task":
        service.keys.pop("ready", None)
        if service.keys.get("restart") == "never":
            del service.keys["restart"]
