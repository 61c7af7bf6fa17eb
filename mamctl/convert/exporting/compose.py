"""Docker compose: a container for each service. A probe becomes the health check that `service_healthy` waits for.

Dollar signs are doubled, since compose substitutes as we do; secrets are `${NAME}`, from the shell or the file `.env`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from mamctl.convert.exporting.boxed import Boxed
from mamctl.convert.exporting.families import families
from mamctl.convert.exporting.stack import Export, File
from mamctl.convert.exporting.texts import shell_check
from mamctl.convert.exporting.vault import Reference
from mamctl.convert.exporting.yamltext import yaml_text
from mamctl.core.manifest.choices import Condition, Kind, Policy
from mamctl.core.manifest.model import ExecProbe, Logs, Probe
from mamctl.core.manifest.signals import NAMES

if TYPE_CHECKING:
    from mamctl.convert.exporting.families import Family
    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import Dependency, ServiceSpec

_CONDITIONS: Final = {
    Condition.STARTED: "service_started",
    Condition.READY: "service_healthy",
    Condition.COMPLETED: "service_completed_successfully",
}
_HEAD: Final = "# Written by mamctl export. `docker compose up` runs it.\n"
FILE: Final = "compose.yaml"


def export(stack: Stack) -> Export:
    """Return the compose file of a stack."""
    ledger = stack.account("compose")
    found = families(stack)
    services = {family.name: _Container(stack, family, ledger).keys() for family in found}
    tree = {"name": _project(stack.name), "services": services}
    return Export((File(FILE, _HEAD + yaml_text(tree)),), ledger.notes())


class _Container:
    """The keys of one service, or of a service with its replicas."""

    def __init__(self, stack: Stack, family: Family, ledger: Ledger) -> None:
        self._stack = stack
        self._family = family
        self._spec = family.first
        self._ledger = ledger
        self._called = {spec.name: spec.service for spec in stack.services.values()}
        self._boxed = Boxed(stack, self._spec, ledger, self._called)

    def keys(self) -> dict[str, Any]:
        """Return them, with all of the service's keys accounted for."""
        spec, ledger = self._spec, self._ledger
        self._boxed.account()
        self._family.account(ledger)
        ledger.told(spec.name, "host", "tty", "profiles", "manual", "restart.policy", "stop")
        ledger.told(spec.name, "logs.max_size", "logs.keep", "limits", "replicas", "user", "group")
        tree: dict[str, Any] = self._origin()
        tree |= {"command": [self._spelled(word) for word in self._boxed.words()]} if spec.argv else {}
        tree |= self._many() | {"environment": self._environment()} | self._ports()
        tree |= self._edges() | self._health() | self._life() | self._limits()
        return {key: value for key, value in tree.items() if value not in (None, {}, [])}

    def _origin(self) -> dict[str, Any]:
        spec = self._spec
        image = self._stack.image(spec)
        self._ledger.told(spec.name, "image")
        if image:
            return {"image": _doubled(image)}
        context = os.path.relpath(spec.cwd, self._stack.folder)
        self._ledger.note(spec.name, "image", f"there is none: it is built of the Dockerfile in {context}")
        return {"build": _doubled(context if context.startswith(".") else f"./{context}")}

    def _many(self) -> dict[str, Any]:
        spec = self._spec
        tree: dict[str, Any] = {"scale": self._family.number} if spec.replica_of else {}
        if spec.schedule:
            self._ledger.lost(spec.name, "schedule", "compose has no clock; it is in the profile `scheduled`")
            return tree | {"profiles": ["scheduled"]}
        if spec.manual and not spec.profiles:
            self._ledger.note(spec.name, "manual", "it is in the profile `manual`")
        names = sorted(spec.profiles) or (["manual"] if spec.manual else [])
        return tree | {"profiles": names}

    def _environment(self) -> dict[str, Any]:
        spec = self._spec
        tree: dict[str, Any] = {name: _doubled(value) for name, value in self._boxed.environment().items()}
        if spec.unset:
            self._ledger.told(spec.name, *(f"env.{name}" for name in spec.unset))
        secrets = self._stack.secrets(spec)
        for name, shared in secrets.items():
            # Without a value compose passes on what there is, and nothing where there is nothing.
            must = name != shared or self._stack.vault.is_set(spec.name, name)
            tree[name] = f"${{{shared}:?is a secret, set it in .env}}" if must else None
        if secrets:
            names = ", ".join(dict.fromkeys(secrets.values()))
            self._ledger.note(spec.name, "secrets", f"set {names} in .env beside the file, or in the environment")
        return tree

    def _ports(self) -> dict[str, Any]:
        published = []
        for index, port in enumerate(self._spec.ports):
            self._ledger.told(self._spec.name, f"ports.{port.name}")
            numbers = [spec.ports[index].number for spec in self._family.members]
            consecutive = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            outside = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
            if not consecutive:
                self._ledger.note(self._spec.name, f"ports.{port.name}", "is not published: no range has its numbers")
                continue
            host = f"[{self._spec.host}]" if ":" in self._spec.host else self._spec.host
            host = "127.0.0.1" if host == "localhost" else host
            published.append(f"{host}:{outside}:{port.number}")
        return {"ports": published}

    def _edges(self) -> dict[str, Any]:
        edges: dict[str, Any] = {}
        for name, edge in self._stack.edges(self._spec).items():
            self._ledger.told(self._spec.name, f"depends_on.{name}")
            edges[self._called[name]] = self._edge(name, edge)
        return {"depends_on": edges}

    def _edge(self, name: str, edge: Dependency) -> dict[str, Any]:
        other = self._stack.services[name]
        condition = _CONDITIONS[edge.condition]
        if condition == "service_healthy" and _checked(other) is None:
            condition = "service_started"
            if other.ready is not None:
                text = f"it waits only until {name} runs: how that becomes ready cannot be asked here"
                self._ledger.note(self._spec.name, f"depends_on.{name}", text)
        if other.profiles and not other.profiles & self._spec.profiles:
            text = f"compose wants the profile of {name} named, also where it is only depended on"
            self._ledger.note(self._spec.name, f"depends_on.{name}", text)
        tree: dict[str, Any] = {"condition": condition}
        tree |= {} if edge.required else {"required": False}
        return tree | ({"restart": True} if edge.restart else {})

    def _health(self) -> dict[str, Any]:
        spec = self._spec
        chosen = _checked(spec)
        if chosen is not None and chosen is spec.ready:
            self._ledger.lost(spec.name, "live", "docker's one check is that of ready, and restarts nothing")
        elif spec.ready is not None:
            self._ledger.lost(spec.name, "ready", "docker cannot ask that")
        if spec.ready is None or chosen is spec.ready:
            self._ledger.told(spec.name, "ready") if spec.ready is None else self._tell_asked("ready", chosen)
        if chosen is not None and chosen is spec.live:
            self._tell_asked("live", chosen)
            self._ledger.note(spec.name, "live", "docker shows that it fails, but restarts nothing for it")
        if chosen is None:
            self._ledger.lost(spec.name, "start_timeout", "docker does not ask whether it is ready")
            return {}
        self._ledger.told(spec.name, "start_timeout")
        return {"healthcheck": self._check(chosen)}

    def _tell_asked(self, key: str, probe: Probe | None) -> None:
        name = self._spec.name
        self._ledger.lost(name, f"{key}.json", "only the status is looked at")
        if probe and not isinstance(probe.check, ExecProbe):
            self._ledger.note(name, key, "is asked by curl or bash, which the image has to have")
        self._ledger.told(name, key)

    def _check(self, probe: Probe) -> dict[str, Any]:
        check = probe.check
        if isinstance(check, ExecProbe):
            test = ["CMD", *(self._spelled(word) for word in check.argv)]
        else:
            line = shell_check(probe, lambda text: self._stack.vault.pieces(self._spec.name, text)) or ""
            test = ["CMD-SHELL", _doubled(self._boxed.text(line, "ready"))]
        tree: dict[str, Any] = {"test": test, "interval": _seconds(probe.interval), "timeout": _seconds(probe.timeout)}
        tree["retries"] = probe.failures
        if self._spec.start_timeout is not None:
            tree |= {"start_period": _seconds(self._spec.start_timeout), "start_interval": "1s"}
        return tree

    def _life(self) -> dict[str, Any]:
        spec = self._spec
        tree: dict[str, Any] = {"restart": _restart(spec)}
        if spec.restart.policy is Policy.ON_FAILURE:
            self._ledger.told(spec.name, "restart.max_attempts")
        self._ledger.lost(spec.name, "restart.max_attempts", "docker restarts it without an end")
        tree["stop_signal"] = f"SIG{NAMES[spec.stop.signal]}" if spec.stop.signal in NAMES else str(spec.stop.signal)
        tree["stop_grace_period"] = _seconds(spec.stop.grace)
        if spec.account.user is not None or spec.account.group is not None:
            names = (spec.account.user or "0", spec.account.group)
            tree["user"] = ":".join(name for name in names if name is not None)
        return tree | ({"tty": True, "stdin_open": True} if spec.tty else {})

    def _limits(self) -> dict[str, Any]:
        limits, logs = self._spec.limits, self._spec.logs
        tree: dict[str, Any] = {"mem_limit": limits.memory}
        if limits.open_files is not None:
            tree["ulimits"] = {"nofile": limits.open_files}
        if logs != Logs():
            options = {"max-size": f"{max(1, logs.max_size // 1000)}k", "max-file": str(logs.keep + 1)}
            tree["logging"] = {"driver": "local", "options": options}
        self._ledger.lost(self._spec.name, "logs.streams", "docker keeps both in one")
        return tree

    def _spelled(self, word: str) -> str:
        pieces = self._stack.vault.pieces(self._spec.name, word)
        shared = self._stack.secrets(self._spec)
        return "".join(f"${{{shared[one.name]}}}" if isinstance(one, Reference) else _doubled(one) for one in pieces)


def _checked(spec: ServiceSpec) -> Probe | None:
    """Return the probe that docker asks: that of `ready`, or else that of `live`."""
    for probe in (spec.ready, spec.live):
        if probe and spec.kind is not Kind.TASK and shell_check(probe, lambda text: (text,)) is not None:
            return probe
    return None


def _project(name: str) -> str:
    """Return a name that compose takes for a project: small letters, digits, `_` and `-`."""
    return re.sub(r"[^a-z0-9_-]", "-", name.lower()).lstrip("_-") or "stack"


def _restart(spec: ServiceSpec) -> str:
    restart = spec.restart
    if restart.policy is Policy.NEVER or (restart.policy is Policy.ON_FAILURE and restart.max_attempts == 0):
        return "no"
    if restart.policy is Policy.ALWAYS:
        return "always"
    return "on-failure" if restart.max_attempts is None else f"on-failure:{restart.max_attempts}"


def _seconds(value: float) -> str:
    return f"{value:g}s" if value == int(value) else f"{max(1, round(value * 1000))}ms"


def _doubled(text: str) -> str:
    return text.replace("$", "$$")
