"""The keys of a compose service that runs on this machine, and what becomes of each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from mamctl.convert.importing.amounts import signal, size
from mamctl.convert.importing.compose_ports import listening
from mamctl.convert.importing.compose_probe import probe
from mamctl.convert.importing.rules import Advice, Rule, Rules, attempt, flagged, lasting, to, told
from mamctl.convert.importing.value import Unfit, Value, flag, take_all, text, texts, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_CONDITIONS: Final = {
    "service_started": "started",
    "service_healthy": "ready",
    "service_completed_successfully": "completed",
}


def edges(section: Value) -> dict[str, dict[str, Any]]:
    """Return what a section depends on, unmarked."""
    value = section.get("depends_on")
    if value is None:
        return {}
    if value.items is not None:
        return {item.text: {"condition": "started"} for item in value.items if item.text}
    return {name: _edge(inner) for name, inner in (value.pairs or {}).items()}


def _edge(value: Value) -> dict[str, Any]:
    condition = value.get("condition")
    return {"condition": _CONDITIONS.get((condition.text if condition else None) or "service_started", "started")}


def depend(value: Value, service: Service) -> None:
    """Take the dependencies, in either form."""
    found = edges(Value(value.line, pairs={"depends_on": value}))
    if value.pairs is None and value.items is None:
        raise Unfit("is neither a list nor a map")
    for item in value.items or ():
        text(item)
    for name, inner in (value.pairs or {}).items():
        inner.seen = True
        _take_edge(inner, found[name])
    service.set(("depends_on",), found)


def _take_edge(value: Value, edge: dict[str, Any]) -> None:
    for key, inner in (value.pairs or {}).items():
        if key in ("required", "restart"):
            try:
                edge[key] = flag(inner)
            except Unfit as unfit:
                inner.leave(str(unfit))
        elif key == "condition" and inner.text in _CONDITIONS:
            inner.seen = True


def environment(value: Value, service: Service) -> None:
    """Take variables, as a map or a list. One without a value is inherited, as everything is here."""
    pairs: dict[str, str | None] = {}
    listed = [(None, item) for item in value.items or ()]
    for name, inner in [*listed, *(value.pairs or {}).items()]:
        attempt(_one_variable(name, pairs), inner, service)
    if value.items is None and value.pairs is None and not value.null:
        raise Unfit("is neither a map nor a list")
    service.add_env(pairs)


def _one_variable(name: str | None, pairs: dict[str, str | None]) -> Rule:
    """Return the rule for one variable: a value of the map, or the whole `NAME=value` of the list."""

    def rule(value: Value, service: Service) -> None:
        if name is not None and not value.null:
            pairs[name] = told(value, service)
        if name is None:
            own, equals, rest = told(value, service).partition("=")
            if equals:
                pairs[own] = rest

    return rule


def env_files(value: Value, service: Service) -> None:
    """Take env files; one that is not there now may be missing."""
    found = []
    for item in value.items if value.items is not None else [value]:
        path = item.get("path") if item.pairs is not None else item
        if path is None:
            raise Unfit("names no path")
        written = told(path, service)
        required = item.get("required")
        there = os.path.isfile(os.path.join(service.around.folder, written))
        wanted = (required is None or flag(required)) and there
        if not there:
            service.note(path, "the file is not there now, so it may be missing")
        item.seen = True
        found.append({"path": service.around.path(written), "required": wanted})
    service.set(("env_file",), found)


def restarting(section: Value, service: Service) -> None:
    """Take when docker starts a service again as when it is started again here: without a word never."""
    service.set(("restart",), "never")
    deploy = section.get("deploy")
    policy = deploy.get("restart_policy") if deploy is not None else None
    restart = section.get("restart")
    if policy:
        attempt(_restart_policy, policy, service)
    elif restart is not None:
        attempt(_restart, restart, service)


def _restart(value: Value, service: Service) -> None:
    if value.why:
        raise Unfit(value.why)
    word, _, count = text(value).strip().partition(":")
    if word in ("no", "false", ""):
        service.set(("restart",), "never")
    elif word in ("always", "unless-stopped"):
        service.set(("restart",), {"policy": "always", "max_attempts": None})
    elif word == "on-failure" and (not count or (count.isascii() and count.isdigit() and len(count) < 9)):
        service.set(("restart",), {"policy": "on-failure", "max_attempts": int(count) if count else None})
    else:
        raise Unfit("is no restart policy")


def _deploy(value: Value, service: Service) -> None:
    if value.pairs is None:
        raise Unfit("is no map")
    limits = value
    for key in ("resources", "limits"):
        inner = limits.get(key)
        if inner is None or inner.pairs is None:
            limits = Value(0)
            break
        inner.seen = True
        limits = inner
    if memory := limits.get("memory"):
        attempt(_RULES_OF_DEPLOY["memory"], memory, service)
    if count := value.get("replicas"):
        attempt(_RULES_OF_DEPLOY["replicas"], count, service)
    if policy := value.get("restart_policy"):
        _restart_policy(policy, service)


def _restart_policy(value: Value, service: Service) -> None:
    """Take when it is started again; it counts before `restart`."""
    value.seen = value.pairs is not None
    service.set(("restart",), {"policy": "always", "max_attempts": None})
    for key, rule in _RULES_OF_RESTART.items():
        if inner := value.get(key):
            attempt(rule, inner, service)


def _condition(value: Value, service: Service) -> None:
    policy = {"any": "always", "on-failure": "on-failure", "none": "never"}.get(text(value))
    if policy is None:
        raise Unfit("is none of any, on-failure and none")
    service.set(("restart", "policy"), policy)


_RULES_OF_DEPLOY: Final[Rules] = {
    "memory": to("limits", "memory", read=lambda value, _: size(value)),
    "replicas": to("replicas", read=lambda value, _: whole(value, 0, 1000)),
}

_RULES_OF_RESTART: Final[Rules] = {
    "condition": _condition,
    "delay": to("restart", "delay", read=lasting),
    "max_attempts": to("restart", "max_attempts", read=lambda value, _: whole(value)),
    "window": to("restart", "reset_after", read=lasting),
}


def _working_folder(value: Value, service: Service) -> None:
    """Take a folder of this machine; one of the container is where its files are mounted from, if they are."""
    written = told(value, service)
    if not os.path.isabs(written):
        service.set(("cwd",), service.around.path(written))
        return
    if "cwd" not in service.keys:
        raise Unfit("it is a folder of the container; write `cwd` with that of this machine")
    service.note(value, "it is a folder of the container; here it runs in `cwd`")


def _volumes(value: Value, service: Service) -> None:
    """Let a bind mount of a folder be where the command runs, when nothing else says so."""
    for item in value.items or ():
        source, _, rest = (item.text or "").partition(":")
        if source.startswith(".") and rest and "cwd" not in service.keys:
            folder = os.path.join(service.around.folder, source)
            if os.path.isdir(folder):
                service.set(("cwd",), service.around.path(source))
                service.note(item, "the command runs in this folder; nothing is mounted")
                item.seen = True
                continue
        item.leave("nothing is mounted: the command sees the files of this machine")
    if value.items is None:
        raise Unfit("nothing is mounted: the command sees the files of this machine")


def _ulimits(value: Value, service: Service) -> None:
    files = value.get("nofile")
    if files is None:
        raise Unfit("only nofile has a counterpart: limits.open_files")
    chosen = files.get("soft") or files
    service.set(("limits", "open_files"), whole(chosen, 3, 2**30))
    files.seen = True
    if (hard := files.get("hard")) is not None and hard is not chosen:
        hard.why = "there is one limit: the soft one"


RULES: Final[Rules] = {
    "image": lambda value, _service: take_all(value),
    "build": lambda _value, _service: None,
    "command": lambda value, _service: take_all(value),
    "entrypoint": lambda value, _service: take_all(value),
    "volumes": _volumes,
    "working_dir": _working_folder,
    "environment": environment,
    "env_file": env_files,
    "ports": listening,
    "depends_on": depend,
    "healthcheck": probe,
    "restart": _restart,
    "deploy": _deploy,
    "scale": _RULES_OF_DEPLOY["replicas"],
    "mem_limit": _RULES_OF_DEPLOY["memory"],
    "ulimits": _ulimits,
    "stop_signal": to("stop", "signal", read=lambda value, _: signal(value)),
    "stop_grace_period": to("stop", "grace", read=lasting),
    "profiles": lambda value, service: service.set(("profiles",), texts(value)),
    "tty": to("tty", read=flagged),
}

ADVICE: Final[Advice] = {
    "container_name": "there is no container",
    "networks": "there are no networks: every service is reached on this machine's own addresses",
    "network_mode": "it runs in the network of this machine",
    "expose": "every port is open on this machine; write `port` if others need it",
    "links": "write depends_on; a service is reached on 127.0.0.1",
    "user": "it is a user of the image; write `user` with one of this machine (needs root)",
    "labels": "there are no labels",
    "logging": "write `logs`; each service has a file under logs/",
    "extends": "`docker compose config > full.yaml` writes it out; import that",
    "secrets": "write an `env_file`, and `secrets` with the names of variables that must not be shown",
    "configs": "it reads the files of this machine",
    "develop": "write `watch` with the folders that restart it",
    "stdin_open": "write `tty: true` and use `mamctl attach`",
    "init": "lost children are always reaped",
    "privileged": "it has the rights of who runs mamctl",
    "cap_add": "it has the rights of who runs mamctl",
    "cap_drop": "it has the rights of who runs mamctl",
    "security_opt": "it has the rights of who runs mamctl",
    "platform": "there is no image",
    "pull_policy": "there is no image",
    "extra_hosts": "write them into the hosts file of this machine",
    "dns": "it asks the resolver of this machine",
    "cpus": "only memory, open files and nice can be limited",
    "tmpfs": "nothing is mounted: the command sees the files of this machine",
}
