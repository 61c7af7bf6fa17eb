"""process-compose.yaml: processes, their probes, dependencies, restarts, replicas and schedules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.detect import safe_name
from mamctl.convert.importing.commands import literal
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.process_compose_rules import ADVICE, RULES, edges, pairs_of
from mamctl.convert.importing.rules import Advice, apply
from mamctl.convert.importing.templates import Templates
from mamctl.convert.importing.value import Unfit, Value, text, whole
from mamctl.convert.importing.variables import Variables, use_env_file, variables_of

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

WHAT: Final = "a process-compose.yaml"
MOST_COPIES: Final = 200
_NUMBER: Final = re.compile(r"PC_REPLICA_NUM")
_TOP: Final[Advice] = {
    "version": "there are no versions of the manifest",
    "log_level": "it is about process-compose itself",
    "log_location": "each service has a file under logs/",
    "log_length": "each service has a file under logs/",
    "log_configuration": "write `logs` under defaults",
    "shell": "commands are given to /bin/sh",
    "is_strict": "an unknown key is always an error here",
    "is_tui_disabled": "`mamctl up -d` runs it in the background",
    "disable_env_expansion": "write `$$` for a dollar sign before a brace",
    "ordered_shutdown": "everything is stopped in reverse order",
    "extends": "write `include`",
    "env_cmds": "write the commands where the variables are needed, or an `env_file`",
}


# Switches that change nothing while they are off.
OFF: Final = frozenset({
    "is_daemon", "is_foreground", "is_elevated", "disable_ansi_colors", "exit_on_end", "exit_on_skipped",
    "is_dotenv_disabled", "is_strict", "is_tui_disabled", "disable_env_expansion", "add_timestamp", "no_color",
})  # fmt: skip


def draft(sources: list[Source], stack: Stack, tools: Tools) -> list[Value]:
    """Add the processes of the file."""
    source = sources[0]
    root = tools.yaml(source.text, source.shown)
    processes = root.get("processes")
    if processes is None or not processes.pairs:
        line = processes.line if processes else 1
        raise Unreadable(WHAT, (refuse(source.shown, line, "there are no processes in it"),))
    root.seen = processes.seen = True
    stack.tell_of_override(source.path)
    variables = variables_of(stack)
    templates = Templates.of(root.get("vars"))
    _take_top(root, stack, variables)
    for name, section in processes.pairs.items():
        _take(name, section, stack, variables, templates)
    _tasks(stack, processes)
    if variables.beside:
        # It is given to all processes there as well.
        variables.used |= variables.beside.keys()
        use_env_file(stack, variables)
    return [root]


def _take_top(root: Value, stack: Stack, variables: Variables) -> None:
    for key, value in (root.pairs or {}).items():
        if key in ("processes", "vars"):
            continue
        if key.startswith("x-"):
            value.seen = True
            value.pairs = value.items = None
        elif key == "name" and value.text:
            stack.name = safe_name(text(value)) or stack.name
        elif key == "environment":
            _take_environment(value, stack, variables)
        else:
            value.why = _TOP.get(key, "")


def _take_environment(value: Value, stack: Stack, variables: Variables) -> None:
    try:
        stack.keys["env"] = pairs_of(value, variables.tell)
    except Unfit as unfit:
        value.leave(str(unfit))


def _take(name: str, section: Value, stack: Stack, variables: Variables, templates: Templates) -> None:
    section.seen = True
    if section.pairs is None:
        section.leave("has no keys")
        return
    replicas = section.get("replicas")
    count = _count(replicas)
    numbered = any(_NUMBER.search(value.text or "") for value in section.children())
    for number in range(count) if numbered and count > 1 else (0,):
        own = name if not numbered or count == 1 else f"{name}-{number}"
        service = stack.add(own, section, of=name)
        _fill(service, section, variables, templates.with_number(number))
        if numbered and count > 1:
            service.add_env({"PC_REPLICA_NUM": str(number)})
    if replicas is not None and count != 1:
        if not numbered:
            service.set(("replicas",), count)
        service.note(
            replicas, "its processes are called NAME-1, NAME-2 and so on" if not numbered else "one service each"
        )
    if replicas is not None and not replicas.why:
        replicas.seen = True


def _fill(service: Service, section: Value, variables: Variables, templates: Templates) -> None:
    service.tell = lambda written: variables.tell(templates.tell(written))
    service.shell_text = lambda written: literal(templates.tell(written).replace("$$", "$"))
    service.set(("restart",), "never")
    apply(RULES, section, service, ADVICE)


def _count(value: Value | None) -> int:
    if value is None:
        return 1
    try:
        return whole(value, 1, MOST_COPIES)
    except Unfit as unfit:
        value.leave(str(unfit))
        return 1


def _tasks(stack: Stack, processes: Value) -> None:
    """Make tasks of what others wait for to be completed, and of what runs by the clock."""
    for section in (processes.pairs or {}).values():
        for name, condition in edges(section).items():
            for ours in stack.renamed.get(name, ()) if condition == "completed" else ():
                _make_task(stack.services[ours])
    for service in stack.services.values():
        if "schedule" in service.keys:
            _make_task(service)


def _make_task(service: Service) -> None:
    service.keys["kind"] = "task"
    if service.keys.get("restart") == "never":
        del service.keys["restart"]
