"""pm2's ecosystem files: JSON and YAML as they are, JavaScript as node reads it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.javascript import as_json
from mamctl.convert.importing.pm2_rules import ADVICE, RULES, command_of, run_in_replicas, script_of
from mamctl.convert.importing.rules import apply
from mamctl.convert.importing.value import Unfit, Value, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Stack

WHAT: Final = "an ecosystem file of pm2"
_SCRIPTS: Final = (".js", ".cjs", ".mjs")
# A quoted text, which stays, or a remark.
_REMARK: Final = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)


def draft(sources: list[Source], stack: Stack, tools: Tools) -> list[Value]:
    """Add the apps of the file."""
    source = sources[0]
    if source.path.endswith(_SCRIPTS):
        root = tools.yaml(as_json(source.path, source.shown, tools.environ), source.shown)
        _find_lines(root, source.text)
    else:
        root = tools.yaml(_without_remarks(source), source.shown)
    root.seen = True
    apps = list(_apps(root))
    if not apps:
        raise Unreadable(WHAT, (refuse(source.shown, 1, "there are no apps in it"),))
    for key, value in (root.pairs or {}).items():
        if key != "apps" and apps[0] is not root:
            value.why = ADVICE.get(key, "")
    for number, app in enumerate(apps):
        _take(app, number, stack)
    return [root]


def _without_remarks(source: Source) -> str:
    """Return the text; pm2 reads JSON as JavaScript, so that it may have remarks. Lines stay where they are."""
    if ".json" not in os.path.basename(source.path):
        return source.text
    return _REMARK.sub(lambda found: found[1] or "\n" * found[0].count("\n"), source.text)


def _apps(root: Value) -> Iterator[Value]:
    """Yield the apps: those of the key `apps`, of a list, or the only one."""
    found = root.get("apps") if root.pairs is not None else root
    if found is None:
        found = root
    found.seen = True
    if found.items is not None:
        yield from (item for item in found.items if item.pairs is not None)
    elif script_of(found) is not None:
        yield found


def _take(app: Value, number: int, stack: Stack) -> None:
    named, script = app.get("name"), script_of(app)
    name = named.text if named is not None and named.text else None
    if name is None and script is not None and script.text:
        name = re.split(r"[/\\]", script.text)[-1].split(".")[0]
    service = stack.add(name or f"app-{number}", app)
    app.seen = True
    if named is not None and named.text is not None:
        text(named)
    # pm2 starts again whatever ends, and asks with INT.
    service.keys |= {"restart": {"policy": "always"}, "stop": {"signal": "INT"}}
    try:
        words = command_of(app)
    except Unfit as unfit:
        service.note(app, str(unfit))
        words = []
    service.keys["command"] = words
    apply(RULES, app, service, ADVICE)
    run_in_replicas(app, service)


def _find_lines(root: Value, source: str) -> None:
    """Give the values of an evaluated script the lines where their keys are written: the nth of each name."""
    lines = source.split("\n")
    cursors: dict[str, int] = {}
    open_values = [root]
    while open_values:
        value = open_values.pop()
        for key, child in (value.pairs or {}).items():
            pattern = re.compile(rf"(?<![\w$])['\"]?{re.escape(key)}['\"]?\s*[:,}}]")
            start = cursors.get(key, 0)
            found = next((number for number in range(start, len(lines)) if pattern.search(lines[number])), None)
            child.line = value.line if found is None else found + 1
            cursors[key] = start if found is None else found + 1
        open_values += reversed(value.children())
    for app in (root.get("apps") or root).items or ():
        first = next(iter((app.pairs or {}).values()), None)
        app.line = first.line if first else 1
