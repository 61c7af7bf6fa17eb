"""The keys of an app of pm2, and what becomes of each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.amounts import size
from mamctl.convert.importing.commands import is_plain, literal, split
from mamctl.convert.importing.rules import (
    Advice,
    Rules,
    attempt,
    expected,
    folder,
    member,
    milliseconds,
    opposite,
    to,
    variable,
)
from mamctl.convert.importing.value import Unfit, Value, flag, text, texts, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

# By which program pm2 runs a script, by its ending.
_INTERPRETERS: Final = {
    ".js": "node", ".cjs": "node", ".mjs": "node", ".ts": "bun", ".tsx": "bun", ".py": "python3", ".sh": "bash",
    ".rb": "ruby", ".php": "php", ".pl": "perl", ".coffee": "coffee", ".ls": "lsc",
}  # fmt: skip
MOST: Final = 1000


def script_of(app: Value) -> Value | None:
    """Return what an app runs, by any of the names that pm2 has for it."""
    return next((found for key in ("script", "cmd", "command") if (found := app.get(key)) and found.text), None)


def command_of(app: Value) -> list[str]:
    """Return the words that start an app. Raises Unfit."""
    script = script_of(app)
    if script is None or not script.text:
        raise Unfit("it has no script")
    if " " in script.text:
        return _given_to_bash(text(script), app)
    words = [script.text]
    before = _interpreter(words[0], app)
    options = [word for key in _OPTIONS for word in _words(app.get(key))] if before else []
    found = [*before, *options, *words, *_words(app.get("args"))]
    return [literal(word) for word in found]


def _given_to_bash(script: str, app: Value) -> list[str]:
    """Return the words of a script with spaces in it, which pm2 gives to bash, without anything of the app's."""
    for value in filter(None, (app.get(key) for key in ("args", "interpreter", "exec_interpreter", *_OPTIONS))):
        if value.text or value.items:
            value.why = "pm2 gives a script with spaces in it to bash, and nothing more"
    words = split(script) if is_plain(script) else ["bash", "-c", script]
    return [literal(word) for word in words or ()]


_OPTIONS: Final = ("interpreter_args", "interpreterArgs", "node_args", "nodeArgs")


def _interpreter(script: str, app: Value) -> list[str]:
    named = app.get("interpreter") or app.get("exec_interpreter")
    if named is not None and named.text:
        text(named)
        return [] if named.text == "none" else [named.text]
    found = _INTERPRETERS.get(os.path.splitext(script)[1])
    return [found] if found else []


def _words(value: Value | None) -> list[str]:
    if value is None or value.null:
        return []
    if value.items is not None:
        return texts(value)
    found = split(text(value))
    if found is None:
        raise Unfit("its arguments have a quote that is not closed")
    return found


def run_in_replicas(app: Value, service: Service) -> None:
    """Take the number of instances; `max` and what is below 1 are as many as there are processors."""
    value = app.get("instances")
    if value is None or value.text is None:
        return
    try:
        wanted = (os.cpu_count() or 1) if value.text == "max" else whole(value, -MOST, MOST)
    except Unfit as unfit:
        value.leave(str(unfit))
        return
    value.seen = True
    count = wanted if wanted > 0 else max(1, (os.cpu_count() or 1) + wanted)
    if count == 1 and wanted == 1:
        return
    service.set(("replicas",), count)
    service.note(value, "its processes are called NAME-1 and so on; they share no port, and each has MAMCTL_REPLICA")


def _restarting(value: Value, service: Service) -> None:
    service.set(("restart", "policy"), "always" if flag(value) else "never")


def _watch(value: Value, service: Service) -> None:
    before = service.keys.get("watch")
    more = before if isinstance(before, dict) else {}
    if value.items is not None:
        service.keys["watch"] = {"paths": [service.around.path(one) for one in texts(value)], **more}
    elif flag(value):
        service.keys["watch"] = more or True


def _ignore(value: Value, service: Service) -> None:
    before = service.keys.get("watch")
    if before is None:
        raise Unfit("there is no watch before it")
    more = before if isinstance(before, dict) else {}
    service.keys["watch"] = {**more, "ignore": [literal(one) for one in texts(value)]}


def _environment(value: Value, service: Service) -> None:
    if value.pairs is None:
        raise Unfit("is no map")
    pairs: dict[str, str | None] = {}
    for name, one in value.pairs.items():
        attempt(variable(name, pairs), one, service)
    service.add_env(pairs)


def _codes(value: Value, service: Service) -> None:
    items = value.items if value.items is not None else [value]
    service.set(("success_exit_codes",), sorted({0, *(whole(item, 0, 255) for item in items)}))


def _log(value: Value, service: Service) -> None:
    text(value)
    service.note(value, f"its log is logs/{service.name}.log; `mamctl logs {service.name}` shows it")


def _mode(value: Value, _service: Service) -> None:
    if text(value) not in ("fork", "fork_mode"):
        raise Unfit("a cluster of node is no thing of ours; let the program fork, or give each replica its own port")


def _taken(value: Value, _service: Service) -> None:
    if value.why:
        raise Unfit(value.why)
    if not value.text and value.items is None:
        raise Unfit("is no text")
    for item in value.items or ():
        text(item)


# Under two names.
_LOGS: Final = expected(wanted=True, otherwise="both streams are in one file; write `logs: {streams: split}`")
RULES: Final[Rules] = {
    "name": _taken,
    "script": _taken,
    "cmd": _taken,
    "command": _taken,
    "args": _taken,
    "interpreter": _taken,
    "exec_interpreter": _taken,
    "interpreter_args": _taken,
    "interpreterArgs": _taken,
    "node_args": _taken,
    "nodeArgs": _taken,
    "instances": _taken,
    "cwd": to("cwd", read=folder),
    "exec_mode": _mode,
    "watch": _watch,
    "ignore_watch": _ignore,
    "max_memory_restart": to("limits", "memory", read=lambda value, _: size(value)),
    "env": _environment,
    "out_file": _log,
    "error_file": _log,
    "log_file": _log,
    "merge_logs": _LOGS,
    "combine_logs": _LOGS,
    "autorestart": _restarting,
    "autostart": to("manual", read=opposite),
    "max_restarts": to("restart", "max_attempts", read=lambda value, _: whole(value)),
    "restart_delay": to("restart", "delay", read=milliseconds),
    "exp_backoff_restart_delay": to("restart", "delay", read=milliseconds),
    "min_uptime": to("restart", "reset_after", read=milliseconds),
    "kill_timeout": to("stop", "grace", read=milliseconds),
    "stop_exit_codes": _codes,
    "uid": to("user", read=member),
    "user": to("user", read=member),
    "gid": to("group", read=member),
    "treekill": expected(wanted=True, otherwise="a stop always takes all processes of a service"),
}

ADVICE: Final[Advice] = {
    "deploy": "mamctl does not deploy",
    "namespace": "write `profiles` if it shall run only when that is asked for",
    "wait_ready": "node's process.send is not heard: write a `ready` probe",
    "listen_timeout": "write `start_timeout`",
    "shutdown_with_message": "the stop signal is sent",
    "cron_restart": "write a task with a `schedule` that restarts it",
    "log_date_format": "`mamctl logs` shows the time of each line",
    "time": "`mamctl logs` shows the time of each line",
    "instance_var": "the number of a replica is in MAMCTL_REPLICA",
    "increment_var": "write `ports` with a range, which gives each replica its own",
    "source_map_support": "write --enable-source-maps into the command",
    "port": "write `port`, if the program listens there",
    "pid_file": "`mamctl status --json` tells the process",
    "vizion": "mamctl does not look at the repository",
    "pmx": "there is no agent in the process",
    "env_production": "write an `env_file`, or a services.override.yaml",
    "env_development": "write an `env_file`, or a services.override.yaml",
    "env_staging": "write an `env_file`, or a services.override.yaml",
    "filter_env": "write `null` for what it must not see",
}
