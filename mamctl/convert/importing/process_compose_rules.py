"""The keys of a process of process-compose, and what becomes of each."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from mamctl.convert.importing.amounts import duration, signal
from mamctl.convert.importing.commands import line_of_ours
from mamctl.convert.importing.process_compose_probes import log_line, probe
from mamctl.convert.importing.rules import (
    Advice,
    Rules,
    attempt,
    expected,
    flagged,
    folder,
    lasting,
    to,
    told,
)
from mamctl.convert.importing.schedules import every
from mamctl.convert.importing.value import Unfit, Value, flag, text, texts, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.convert.importing.stack import Service

# What bash knows, to which process-compose gives commands, and not every /bin/sh.
_OF_BASH: Final = re.compile(r"\[\[|(?:^|[;&|]\s*)source\s|&>|<\(|<<<|\bfunction\b|\$'|=\(|\bdeclare\b|\bpipefail\b")
_CONDITIONS: Final = {
    "process_started": "started",
    "process_healthy": "ready",
    "process_log_ready": "ready",
    "process_completed": "completed",
    "process_completed_successfully": "completed",
}


def pairs_of(value: Value, tell: Callable[[str], str]) -> dict[str, str | None]:
    """Return variables written as a list of `NAME=value`, or as a map. Raises Unfit for what is neither.

    One that cannot be taken is left unseen, and says why.
    """
    if value.pairs is None and value.items is None:
        raise Unfit("is neither a list nor a map")
    value.seen = True
    found: dict[str, str | None] = {}
    for name, inner in (value.pairs or {}).items():
        _take_variable(name, inner, found, tell)
    for inner in value.items or ():
        _take_variable("", inner, found, tell)
    return found


def _take_variable(name: str, value: Value, found: dict[str, str | None], tell: Callable[[str], str]) -> None:
    """Add a variable: with a name from a map, without one from a list."""
    try:
        written = tell(text(value))
    except Unfit as unfit:
        value.leave(str(unfit))
        return
    own, equals, rest = (name, "=", written) if name else written.partition("=")
    if not own or not equals:
        value.leave("is not written as NAME=value")
        return
    found[own] = rest


def edges(section: Value) -> dict[str, str]:
    """Return the conditions of what a section depends on, unmarked."""
    value = section.get("depends_on")
    found = {}
    for name, inner in ((value.pairs if value else None) or {}).items():
        condition = inner.get("condition")
        found[name] = _CONDITIONS.get((condition.text if condition else None) or "process_started", "started")
    return found


def _depend(value: Value, service: Service) -> None:
    if value.pairs is None:
        raise Unfit("is no map")
    service.set(
        ("depends_on",),
        {name: {"condition": one} for name, one in edges(Value(0, pairs={"depends_on": value})).items()},
    )
    for inner in value.pairs.values():
        inner.seen = True
        condition = inner.get("condition")
        if condition is not None and condition.text in _CONDITIONS:
            condition.seen = True
            if condition.text == "process_completed":
                service.note(condition, "here it must have succeeded")


def _command(value: Value, service: Service) -> None:
    line = service.shell_text(text(value)).strip()
    if not line:
        raise Unfit("is empty")
    service.keys |= {"command": ["bash", "-c", line]} if _OF_BASH.search(line) else line_of_ours(line)


def _entrypoint(value: Value, service: Service) -> None:
    service.set(("command",), [service.tell(word) for word in texts(value)])


def _restart(value: Value, service: Service) -> None:
    word = text(value).strip().lower().replace("-", "_")
    before = service.keys.get("restart")
    more = before if isinstance(before, dict) else {}
    if word == "exit_on_failure":
        service.keys["essential"] = True
        service.note(value, "a failure stops everything: essential")
        word = "no"
    policy = {"no": "never", "always": "always", "on_failure": "on-failure"}.get(word)
    if policy is None:
        raise Unfit("is no restart policy")
    service.keys["restart"] = {"policy": policy, **more} if policy != "never" or more else "never"


def _more_of_restart(key: str, read: Callable[[Value], object]) -> Callable[[Value, Service], None]:
    def rule(value: Value, service: Service) -> None:
        found = read(value)
        before = service.keys.get("restart")
        rest = before if isinstance(before, dict) else {"policy": before}
        service.keys["restart"] = {**rest, key: found}

    return rule


def _backoff(value: Value) -> str | float:
    return duration(value)


def _attempts(value: Value) -> int | None:
    return whole(value) or None


_AVAILABILITY: Final[Rules] = {
    "restart": _restart,
    "backoff_seconds": _more_of_restart("delay", _backoff),
    "max_restarts": _more_of_restart("max_attempts", _attempts),
}


def _availability(value: Value, service: Service) -> None:
    if value.pairs is None:
        raise Unfit("is no map")
    apply_within(_AVAILABILITY, value, service)
    found = service.keys.get("restart")
    if isinstance(found, dict) and found.get("policy") != "never":
        # Without max_restarts there is no limit.
        found.setdefault("max_attempts", None)
        if "delay" in found:
            found["factor"] = 1


def apply_within(rules: Rules, section: Value, service: Service) -> None:
    """Represent what has a rule inside of a key that is a map."""
    for key, inner in (section.pairs or {}).items():
        if key in rules:
            attempt(rules[key], inner, service)
        else:
            inner.why = ADVICE.get(key, "")


def _stop_command(value: Value, service: Service) -> None:
    service.set(("stop", "command"), ["/bin/sh", "-c", service.shell_text(text(value))])


_SHUTDOWN: Final[Rules] = {
    "signal": to("stop", "signal", read=lambda value, _: signal(value)),
    "timeout_seconds": to("stop", "grace", read=lasting),
    "command": _stop_command,
    "parent_only": expected(wanted=False, otherwise="the stop signal always goes to the whole process group"),
}


def _shutdown(value: Value, service: Service) -> None:
    if value.pairs is None:
        raise Unfit("is no map")
    apply_within(_SHUTDOWN, value, service)


def _env_file(value: Value, service: Service) -> None:
    found: list[dict[str, Any]] = []
    for written in texts(value):
        path = service.tell(written)
        there = os.path.isfile(os.path.join(service.around.folder, path))
        if not there:
            service.note(value, "a file is not there now, so it may be missing")
        found.append({"path": service.around.path(path), "required": there})
    service.set(("env_file",), found)


def _disabled(value: Value, service: Service) -> None:
    if flag(value):
        service.keys["manual"] = True


def _schedule(value: Value, service: Service) -> None:
    cron, interval = value.get("cron"), value.get("interval")
    if cron is not None:
        service.set(("schedule",), {"cron": told(cron, service)})
    elif interval is not None:
        service.set(("schedule",), {"cron": every(interval)})
        service.note(interval, "it runs at whole minutes of the clock, not counted from the start")
    else:
        raise Unfit("has neither cron nor interval")
    zone = value.get("timezone")
    if zone is not None:
        service.set(("schedule", "timezone"), told(zone, service))


def _watch(value: Value, service: Service) -> None:
    paths = value.get("paths")
    if paths is None or paths.items is None:
        raise Unfit("has no list of paths")
    paths.seen = True
    found, ignored = [], []
    for item in paths.items:
        item.seen = True
        path = item if item.pairs is None else item.get("path")
        if path is None:
            raise Unfit("names no path")
        found.append(service.around.path(told(path, service)))
        ignored += [service.tell(word) for word in texts(item.get("exclude") or Value(0, items=[]))]
    service.set(("watch",), {"paths": found, **({"ignore": ignored} if ignored else {})})
    if wait := value.get("debounce"):
        service.set(("watch", "debounce"), duration(wait))


def _namespace(value: Value, service: Service) -> None:
    texts(value)
    service.note(value, "all are started; write `profiles` if it shall run only when that is asked for")


RULES: Final[Rules] = {
    "command": _command,
    "entrypoint": _entrypoint,
    "working_dir": to("cwd", read=folder),
    "description": to("description", read=told),
    "environment": lambda value, service: service.add_env(pairs_of(value, service.tell)),
    "env_file": _env_file,
    "namespace": _namespace,
    "disabled": _disabled,
    "depends_on": _depend,
    "availability": _availability,
    "readiness_probe": lambda value, service: probe(value, service, "ready"),
    "liveness_probe": lambda value, service: probe(value, service, "live"),
    "ready_log_line": log_line,
    "shutdown": _shutdown,
    "is_tty": to("tty", read=flagged),
    "is_interactive": to("tty", read=flagged),
    "schedule": _schedule,
    "watch": _watch,
    "success_exit_codes": lambda value, service: service.set(
        ("success_exit_codes",), [whole(item, 0, 255) for item in value.items or [value]]
    ),
}

ADVICE: Final[Advice] = {
    "is_daemon": "it must stay in the foreground: give it its option for that",
    "launch_timeout_seconds": "write `start_timeout`",
    "is_foreground": "`mamctl run NAME` runs a task in the foreground",
    "is_elevated": "write `user: root`, and start mamctl as root",
    "is_disabled": "write `manual: true`",
    "log_location": "each service has a file under logs/",
    "log_configuration": "write `logs`",
    "disable_ansi_colors": "the output stays as it is",
    "args": "write them into the command",
    "extends": "write YAML anchors, or `defaults`",
    "vars": "write the text itself",
    "exit_on_end": "`mamctl up --exit-code-from NAME` ends everything with it",
    "exit_on_skipped": "write `essential: true`",
    "success_threshold": "once is enough here",
    "initial_delay_seconds": "it is asked from the start, and until it is ready its answers do no harm",
    "headers": "only the path is asked for; write an `exec` probe with curl",
    "send_keys": "write `stop: {signal: INT}`",
    "run_on_start": "`mamctl run NAME` runs it now",
    "max_concurrent": "one run at a time",
    "cascade": "write `restart: true` at the dependants' `depends_on`",
    "include": "write `ignore` with patterns that begin with !",
    "is_dotenv_disabled": "write `null` for what it must not see",
    "is_template_disabled": "there are no templates",
    "mcp": "mamctl is no tool of a model",
}
