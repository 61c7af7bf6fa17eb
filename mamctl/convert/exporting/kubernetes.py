"""Kubernetes: a Deployment for each service with its Service and ConfigMap, a Job for a task, a CronJob for a schedule.

Secrets are references to a Secret that somebody makes by hand. Kubernetes starts all at once: who needs another has to
wait for it, or ends and is started again.
"""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mamctl.convert.exporting.boxed import Boxed
from mamctl.convert.exporting.families import families
from mamctl.convert.exporting.stack import Export, File, asleep
from mamctl.convert.exporting.times import five_fields
from mamctl.convert.exporting.vault import Reference
from mamctl.convert.exporting.yamltext import yaml_text
from mamctl.core.errors import MamctlError
from mamctl.core.manifest.choices import Kind, Policy
from mamctl.core.manifest.listening import is_loopback
from mamctl.core.manifest.model import ExecProbe, HttpProbe, Probe, TcpProbe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.convert.exporting.families import Family
    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack

    Tree = dict[str, Any]

FILE: Final = "kubernetes.yaml"
_HEAD: Final = "# Written by mamctl export. `kubectl apply -f` takes it.\n"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9-]+")
_LONGEST_PORT_NAME: Final = 15
_LONGEST_CRON_NAME: Final = 52
_NO_ORDER: Final = "Kubernetes starts all at once; it has to wait for it, or end and be started again"


def export(stack: Stack) -> Export:
    """Return the objects of a stack, one document each. Raises MamctlError, naming them, for services without image."""
    without = [spec.service for spec in stack.services.values() if not stack.image(spec)]
    if without:
        names = list(dict.fromkeys(without))
        raise MamctlError(
            f"Kubernetes runs images, and none is known of: {', '.join(names)}",
            f"write `image:` in the manifest, or say --image {names[0]}=registry/name:tag",
        )
    ledger = stack.account("Kubernetes")
    found = families(stack)
    called = _names([family.name for family in found])
    objects = [one for family in found for one in _Workload(stack, family, ledger, called).objects()]
    return Export((File(FILE, _HEAD + yaml_text(*objects)),), ledger.notes())


def _names(services: Sequence[str]) -> dict[str, str]:
    """Return the names that Kubernetes takes for services: small letters, digits and hyphens, no two alike."""
    found: dict[str, str] = {}
    for service in services:
        plain = _NOT_IN_NAMES.sub("-", service.lower()).strip("-")[:_LONGEST_CRON_NAME].rstrip("-") or "service"
        plain = plain if plain[0].isalpha() else f"s-{plain}"[:_LONGEST_CRON_NAME]
        name, number = plain, 2
        while name in found.values():
            name, number = f"{plain[:48]}-{number}", number + 1
        found[service] = name
    return found


class _Workload:
    """The objects of one service, or of a service with its replicas."""

    def __init__(self, stack: Stack, family: Family, ledger: Ledger, called: Mapping[str, str]) -> None:
        self._stack = stack
        self._family = family
        self._spec = family.first
        self._ledger = ledger
        self._name = called[family.name]
        by_name = {spec.name: called[spec.service] for spec in stack.services.values()}
        self._boxed = Boxed(stack, self._spec, ledger, by_name)
        self._secrets = stack.secrets(self._spec)
        self._environment = self._boxed.environment()

    def objects(self) -> list[Tree]:
        """Return them, with all of the service's keys accounted for."""
        self._account()
        spec = self._spec
        found = [self._config_map()] if self._environment else []
        if spec.schedule:
            return [*found, *self._cron_job()]
        if spec.kind is Kind.TASK:
            return [*found, self._job()]
        return [*found, self._deployment(), *self._service()]

    def _account(self) -> None:
        spec, ledger = self._spec, self._ledger
        self._family.account(ledger)
        ledger.lost(spec.name, "limits.open_files", "nobody sets it")
        ledger.lost(spec.name, "logs", "the cluster keeps its output: `kubectl logs` shows it")
        for name in spec.depends_on:
            ledger.lost(spec.name, f"depends_on.{name}", _NO_ORDER)
        if spec.stop.signal != 15:
            ledger.lost(spec.name, "stop.signal", "Kubernetes sends the image's STOPSIGNAL, or TERM")
        ledger.told(spec.name, "image", "host", "replicas", "tty", "stop", "limits.memory")
        ledger.told(spec.name, *(f"env.{name}" for name in spec.unset))
        self._boxed.account()
        if self._name != self._family.name:
            ledger.note(spec.name, "name", f"is {self._name} in Kubernetes")

    def _head(self, version: str, kind: str, name: str | None = None) -> Tree:
        labels = {**self._labels(), "app.kubernetes.io/managed-by": "mamctl-export"}
        tree: Tree = {"apiVersion": version, "kind": kind, "metadata": {"name": name or self._name, "labels": labels}}
        if self._spec.description and kind != "ConfigMap":
            self._ledger.told(self._spec.name, "description")
            text = self._stack.vault.masked(self._spec.description)
            tree["metadata"]["annotations"] = {"kubernetes.io/description": text}
        return tree

    def _labels(self) -> dict[str, str]:
        (stack,) = _names([self._stack.name]).values()
        return {"app.kubernetes.io/name": self._name, "app.kubernetes.io/part-of": stack}

    def _config_map(self) -> Tree:
        return self._head("v1", "ConfigMap", f"{self._name}-env") | {"data": self._environment}

    def _deployment(self) -> Tree:
        spec = self._spec
        number = 0 if asleep(spec) else self._family.number
        for key in ("manual", "profiles"):
            self._ledger.lost(
                spec.name, key, f"it has no replica: `kubectl scale deployment {self._name} --replicas 1`"
            )
        if spec.restart.policy is Policy.ALWAYS:
            self._ledger.told(spec.name, "restart.policy")
        self._ledger.lost(spec.name, "restart", "a Deployment restarts always, and without an end")
        pod = self._pod(self._container() | self._probes())
        selector = {"matchLabels": self._labels()}
        return self._head("apps/v1", "Deployment") | {
            "spec": {"replicas": number, "selector": selector, "template": pod}
        }

    def _service(self) -> list[Tree]:
        spec = self._spec
        self._ledger.told(spec.name, "ports", "sockets")
        if not spec.ports:
            return []
        ports = [{"name": name, "port": number, "targetPort": name} for name, number in self._named_ports().items()]
        return [self._head("v1", "Service") | {"spec": {"selector": self._labels(), "ports": ports}}]

    def _job(self) -> Tree:
        spec = self._spec
        self._ledger.lost(spec.name, "profiles", "the Job is suspended until somebody resumes it")
        if asleep(spec):
            self._ledger.note(spec.name, "manual", "the Job is suspended until somebody resumes it")
        tree = self._job_spec() | ({"suspend": True} if asleep(spec) else {})
        return self._head("batch/v1", "Job") | {"spec": tree}

    def _cron_job(self) -> list[Tree]:
        spec = self._spec
        schedule = spec.schedule
        times = five_fields(schedule) if schedule else None
        if schedule is None or times is None:
            self._ledger.note(spec.name, "schedule", "Kubernetes has no words for these times, so there is no CronJob")
            return []
        self._ledger.told(spec.name, "schedule", "manual", "profiles")
        zone = {"timeZone": schedule.timezone} if schedule.timezone else {}
        job = {"metadata": {"labels": self._labels()}, "spec": self._job_spec()}
        tree = {"schedule": times, **zone, "concurrencyPolicy": "Forbid", "jobTemplate": job}
        return [self._head("batch/v1", "CronJob") | {"spec": tree}]

    def _job_spec(self) -> Tree:
        spec = self._spec
        restart = spec.restart
        never = restart.policy is Policy.NEVER
        self._ledger.told(spec.name, "restart.max_attempts", "ports")
        if restart.policy is Policy.ALWAYS:
            self._ledger.note(spec.name, "restart.policy", "on-failure: a Job that has succeeded has ended")
        self._ledger.told(spec.name, "restart.policy")
        tree: Tree = {"backoffLimit": 0 if never else 1000 if restart.max_attempts is None else restart.max_attempts}
        if spec.start_timeout is not None:
            self._ledger.told(spec.name, "start_timeout")
            tree["activeDeadlineSeconds"] = max(1, ceil(spec.start_timeout))
        many = {"completions": self._family.number, "parallelism": self._family.number} if spec.replica_of else {}
        pod = self._pod(self._container(), restart="Never" if never else "OnFailure")
        return tree | many | {"template": pod}

    def _pod(self, container: Tree, restart: str | None = None) -> Tree:
        tree: Tree = {"containers": [container], "terminationGracePeriodSeconds": ceil(self._spec.stop.grace)}
        if restart:
            tree["restartPolicy"] = restart
        return {"metadata": {"labels": self._labels()}, "spec": tree}

    def _container(self) -> Tree:
        spec = self._spec
        tree: Tree = {"name": self._name, "image": self._stack.image(spec)}
        if spec.argv:
            tree["command"] = [self._spelled(word) for word in self._boxed.words()]
        if spec.ports:
            tree["ports"] = [{"name": name, "containerPort": port} for name, port in self._named_ports().items()]
        if self._environment:
            tree["envFrom"] = [{"configMapRef": {"name": f"{self._name}-env"}}]
        tree |= {"env": self._secret_references()} if self._secrets else {}
        if spec.limits.memory is not None:
            tree["resources"] = {"limits": {"memory": str(spec.limits.memory)}}
        tree |= self._security()
        if spec.stop.command:
            tree["lifecycle"] = {"preStop": {"exec": {"command": [self._spelled(word) for word in spec.stop.command]}}}
        return tree | ({"tty": True, "stdin": True} if spec.tty else {})

    def _secret_references(self) -> list[Tree]:
        secret = f"{self._name}-secrets"
        literals = " ".join(f"--from-literal={name}=..." for name in self._secrets)
        text = f"make it first: kubectl create secret generic {secret} {literals}"
        self._ledger.note(self._spec.name, "secrets", text)
        return [self._secret_reference(secret, name) for name in self._secrets]

    def _secret_reference(self, secret: str, name: str) -> Tree:
        must = self._stack.vault.is_set(self._spec.name, name)
        key: Tree = {"name": secret, "key": name} | ({} if must else {"optional": True})
        return {"name": name, "valueFrom": {"secretKeyRef": key}}

    def _security(self) -> Tree:
        account, found = self._spec.account, {}
        for key, field, value in (("user", "runAsUser", account.user), ("group", "runAsGroup", account.group)):
            if value is not None and value.isdecimal():
                self._ledger.told(self._spec.name, key)
                found[field] = int(value)
            self._ledger.lost(self._spec.name, key, "only its number can be said")
        return {"securityContext": found} if found else {}

    def _named_ports(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for port in self._spec.ports:
            name = re.sub(r"[^a-z0-9]+", "-", port.name.lower()).strip("-")[:_LONGEST_PORT_NAME].strip("-") or "port"
            if name in found:
                name = f"{name[:9]}-{port.number}"
            found[name] = port.number
        return found

    def _probes(self) -> Tree:
        spec = self._spec
        found: Tree = {}
        for key, field, probe in (("ready", "readinessProbe", spec.ready), ("live", "livenessProbe", spec.live)):
            action = self._action(key, probe)
            if probe is None or action is None:
                continue
            found[field] = action | {
                "periodSeconds": max(1, round(probe.interval)),
                "timeoutSeconds": max(1, ceil(probe.timeout)),
                "failureThreshold": probe.failures,
            }
            if "startupProbe" not in found and spec.start_timeout is not None:
                seconds = max(1, ceil(spec.start_timeout))
                found["startupProbe"] = action | {"periodSeconds": 1, "failureThreshold": seconds}
                self._ledger.told(spec.name, "start_timeout")
        return found

    def _action(self, key: str, probe: Probe | None) -> Tree | None:
        spec = self._spec
        if probe is None:
            self._ledger.told(spec.name, key)
            return None
        check = probe.check
        if isinstance(check, ExecProbe):
            self._ledger.told(spec.name, key)
            return {"exec": {"command": [self._spelled(word) for word in check.argv]}}
        self._ledger.lost(spec.name, f"{key}.status", "any status from 200 to 399 is good")
        self._ledger.lost(spec.name, f"{key}.json", "only the status is looked at")
        if isinstance(check, TcpProbe):
            self._ledger.told(spec.name, key)
            return {"tcpSocket": {"port": check.port} | self._elsewhere(check.host)}
        if isinstance(check, HttpProbe):
            if self._stack.vault.holds(check.url):
                self._ledger.note(spec.name, key, "asks with a secret, for which no reference can stand: stars do")
            self._ledger.told(spec.name, key)
            return {"httpGet": self._http(check)}
        self._ledger.lost(spec.name, key, "Kubernetes cannot ask that; it counts as ready at once")
        return None

    def _http(self, check: HttpProbe) -> Tree:
        parts = urlsplit(check.url)
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        tree: Tree = {"path": self._stack.vault.masked(path), "port": parts.port or (443 if secure else 80)}
        return tree | ({"scheme": "HTTPS"} if secure else {}) | self._elsewhere(parts.hostname or "")

    def _elsewhere(self, host: str) -> Tree:
        """Return the host, if it is another than the pod itself."""
        return {} if is_loopback(host) or host in (self._spec.host, "") else {"host": host}

    def _spelled(self, word: str) -> str:
        pieces = self._stack.vault.pieces(self._spec.name, word)
        return "".join(f"$({one.name})" if isinstance(one, Reference) else one.replace("$", "$$") for one in pieces)
