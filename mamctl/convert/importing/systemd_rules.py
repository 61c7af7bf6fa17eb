"""The keys of a .service unit, and what becomes of each."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing import units
from mamctl.convert.importing.amounts import duration, seconds, signal, size
from mamctl.convert.importing.exec_lines import as_words
from mamctl.convert.importing.rules import Advice, Rule, Rules, member, to, told
from mamctl.convert.importing.unit_words import words as split
from mamctl.convert.importing.value import Unfit, Value, flag, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.convert.importing.stack import Service

_POLICIES: Final = {
    "no": "never", "always": "always", "on-failure": "on-failure", "on-abnormal": "on-failure",
    "on-abort": "on-failure", "on-watchdog": "on-failure", "on-success": "always",
}  # fmt: skip
_SAME: Final = ("no", "always", "on-failure")


def single(rule: Rule) -> Rule:
    """Return the rule for a key of which only the last assignment counts; an empty one is the default again."""
    return lambda value, service: rule(units.last(value), service) if value.items else None


def _type(value: Value, service: Service) -> None:
    word = text(value)
    if word in ("notify", "notify-reload"):
        service.set(("ready", "notify"), True)  # noqa: FBT003 - the value of the key
    elif word == "oneshot":
        service.set(("kind",), "task")
    elif word in ("forking", "dbus"):
        raise Unfit("it must stay in the foreground: give it its option for that; write a `ready` probe")
    elif word == "idle":
        service.note(value, "it is started at once")
    elif word not in ("simple", "exec"):
        raise Unfit("is no type that is known here")


def _restart(value: Value, service: Service) -> None:
    word = text(value)
    if word not in _POLICIES:
        raise Unfit("is no restart policy")
    if word not in _SAME:
        service.note(value, f"the nearest policy is {_POLICIES[word]}")
    before = service.keys.get("restart")
    more = before if isinstance(before, dict) else {}
    policy = _POLICIES[word]
    service.keys["restart"] = {**more, "policy": policy} if more else policy


def _of_restart(key: str, read: Callable[[Value], object]) -> Rule:
    def rule(value: Value, service: Service) -> None:
        found = read(value)
        before = service.keys.get("restart")
        rest = before if isinstance(before, dict) else {"policy": before}
        service.keys["restart"] = {**rest, key: found}

    return single(rule)


def _restarts(value: Value) -> int:
    """Return how many restarts a burst of starts is: the first start is none."""
    return max(0, whole(value) - 1)


def _delay(value: Value, service: Service) -> None:
    _of_restart("delay", duration)(value, service)
    restart = service.keys["restart"]
    if isinstance(restart, dict) and "delay" in restart:  # an empty value sets nothing
        restart["factor"] = 1


def _endless(value: Value) -> bool:
    return text(value).strip() in ("infinity", "0")


def _start_timeout(value: Value, service: Service) -> None:
    service.set(("start_timeout",), None if _endless(value) else duration(value))


def _stop_timeout(value: Value, service: Service) -> None:
    if _endless(value):
        raise Unfit("a stop always has an end here; write a long `stop: {grace: ...}`")
    service.set(("stop", "grace"), duration(value))


def _timeout(value: Value, service: Service) -> None:
    _start_timeout(value, service)
    _stop_timeout(value, service)


def _interval(value: Value, service: Service) -> None:
    item = units.last(value)
    if seconds(item) == 0:
        _of_restart("max_attempts", lambda _value: None)(value, service)
    else:
        _of_restart("window", duration)(value, service)


def _environment(value: Value, service: Service) -> None:
    pairs: dict[str, str | None] = {}
    for item in value.items or ():
        for word in split(text(item)):
            name, equals, rest = word.partition("=")
            if not equals or not name:
                raise Unfit("is not written as NAME=value")
            pairs[name] = service.tell(rest)
    service.add_env(pairs)


def _env_files(value: Value, service: Service) -> None:
    found = []
    for item in value.items or ():
        written = service.tell(text(item))
        path = written.removeprefix("-")
        if any(letter in path for letter in "*?["):
            matching = sorted(filter(os.path.isfile, glob.glob(path)))
            found += [{"path": service.around.path(one), "required": True} for one in matching]
            service.note(item, "the files that match it now are named" if matching else "no file matches it now")
            continue
        there = os.path.isfile(path)
        if not there and path == written:
            service.note(item, "the file is not there now, so it may be missing")
        found.append({"path": service.around.path(path), "required": there and path == written})
    if found:
        service.set(("env_file",), found)


def _unset(value: Value, service: Service) -> None:
    names = [word for item in value.items or () for word in text(item).split()]
    service.add_env({name: None for name in names if "=" not in name})


def _inherited(value: Value, service: Service) -> None:
    units.last(value)
    service.note(value, "every service inherits the variables of `mamctl up`")


def _folder(value: Value, service: Service) -> None:
    written = told(value, service).removeprefix("-")
    if written.startswith("~"):
        raise Unfit("write `cwd` with the folder itself")
    service.set(("cwd",), service.around.path(written))


def _codes(value: Value, service: Service) -> None:
    words = [word for item in value.items or () for word in text(item).split()]
    codes = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 4 and int(word) <= 255]
    if len(codes) < len(words):
        service.note(value, "only numbers are exit codes here; our own stop signal always counts as clean")
    service.set(("success_exit_codes",), sorted({0, *codes}))


def _files(value: Value, service: Service) -> None:
    service.set(("limits", "open_files"), whole(Value(0, text=text(value).partition(":")[0]), 3, 2**30))


def _kill_mode(value: Value, service: Service) -> None:
    if text(value) not in ("control-group", "mixed"):
        raise Unfit("a stop always takes all processes of a service")
    service.note(value, "a stop always takes all processes of a service")


def _stop(value: Value, service: Service) -> None:
    if len(value.items or ()) != 1:
        raise Unfit("is more than one command; write one `stop: {command: ...}`")
    service.set(("stop", "command"), as_words(units.last(value), service, service.name))


def _hook(moment: str) -> Rule:
    def rule(value: Value, service: Service) -> None:
        found = [{"exec": as_words(item, service, service.name)} for item in value.items or ()]
        if found:
            service.set(("hooks", moment), found)

    return rule


def _remain(value: Value, service: Service) -> None:
    flag(value)
    service.note(value, "a task that has completed counts until `down`")


def _taken(value: Value, _service: Service) -> None:
    """Leave the verdict of who has read it before."""
    if value.why:
        raise Unfit(value.why)


def _put(*path: str, read: Callable[[Value], object]) -> Rule:
    return single(to(*path, read=lambda value, _service: read(value)))


UNIT_RULES: Final[Rules] = {
    "Description": single(to("description", read=told)),
    "StartLimitBurst": _of_restart("max_attempts", _restarts),
    "StartLimitIntervalSec": _interval,
    "StartLimitInterval": _interval,
}
SERVICE_RULES: Final[Rules] = {
    "Type": single(_type),
    "ExecStart": _taken,
    "ExecStartPre": lambda _value, _service: None,
    "ExecStartPost": _hook("on_ready"),
    "ExecStop": _stop,
    "ExecStopPost": _hook("on_stop"),
    "Restart": single(_restart),
    "RestartSec": _delay,
    "RestartMaxDelaySec": _of_restart("max_delay", duration),
    "StartLimitBurst": _of_restart("max_attempts", _restarts),
    "StartLimitInterval": _interval,
    "TimeoutStartSec": single(_start_timeout),
    "TimeoutStopSec": single(_stop_timeout),
    "TimeoutSec": single(_timeout),
    "WatchdogSec": _put("ready", "watchdog", read=duration),
    "KillSignal": _put("stop", "signal", read=signal),
    "KillMode": single(_kill_mode),
    "SuccessExitStatus": _codes,
    "Environment": _environment,
    "EnvironmentFile": _env_files,
    "UnsetEnvironment": _unset,
    "PassEnvironment": _inherited,
    "WorkingDirectory": single(_folder),
    "User": single(to("user", read=member)),
    "Group": single(to("group", read=member)),
    "UMask": single(to("umask", read=told)),
    "LimitNOFILE": single(_files),
    "MemoryMax": _put("limits", "memory", read=size),
    "MemoryLimit": _put("limits", "memory", read=size),
    "Nice": _put("limits", "nice", read=lambda value: whole(value, -20, 19)),
    "RemainAfterExit": single(_remain),
}

ADVICE: Final[Advice] = {
    "Install": "`mamctl install` writes one unit for the whole stack",
    "Documentation": "write it into `description`",
    "ExecReload": "`mamctl signal NAME HUP` sends a signal",
    "ExecCondition": "write it into the command",
    "PIDFile": "its process is the one that was started",
    "GuessMainPID": "its process is the one that was started",
    "BusName": "write a `ready` probe",
    "StandardOutput": "each service has a file under logs/",
    "StandardError": "each service has a file under logs/; `logs: {streams: split}` makes two",
    "StandardInput": "write `tty: true` and use `mamctl attach`",
    "SyslogIdentifier": "each service has a file under logs/",
    "NotifyAccess": "any process of the service may tell",
    "OOMPolicy": "a service that runs out of memory is started again",
    "SendSIGKILL": "a kill always comes after the grace period",
    "Sockets": "write `sockets` with the ports that are to be held",
    "AmbientCapabilities": "it has the rights of its user; write `sockets` for a port below 1024",
    "CapabilityBoundingSet": "it has the rights of its user",
    "Before": "write `depends_on` at the other service",
    "Conflicts": "there are no conflicts between services",
    "OnFailure": "write `hooks: {on_failure: ...}`",
    "OnSuccess": "write `hooks: {on_complete: ...}`",
    "RuntimeDirectory": "make the folder in a task",
    "StateDirectory": "make the folder in a task",
    "LogsDirectory": "each service has a file under logs/",
    "Slice": "each service has a control group of its own",
    "MemoryHigh": "write `limits: {memory: ...}`",
    "DefaultDependencies": "a stack depends on nothing but itself",
}
