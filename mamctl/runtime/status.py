"""The status document: what `mamctl status --json` shows, made when it is asked for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from mamctl.core.dependencies import outlook
from mamctl.core.manifest.replicas import as_documents
from mamctl.core.outcome import is_settled
from mamctl.runtime.processes import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.core.service import Service
    from mamctl.runtime.hands import Hands

Document = dict[str, Any]


class Reporter:
    """Writes status documents; `generation` counts the supervisors of this stack, `guardian` tells the pid of ours."""

    def __init__(
        self, hands: Hands, *, version: str, generation: int = 1, guardian: Callable[[], int | None] = lambda: None
    ) -> None:
        self._hands = hands
        self._guardian = guardian
        self._version = version
        self._generation = generation
        self._began = hands.now
        self._sampler = Sampler()

    def document(self) -> Document:
        """Return the whole document of the contract's section 3."""
        hands = self._hands
        services = hands.supervisor.services
        usage = self._sampler.sample({name: found.pid for name, found in hands.alive.items()})
        layers = {name: depth for depth, names in enumerate(hands.supervisor.graph.layers()) for name in names}
        rows = hands.secrecy.tree([self.row(service) for service in services.values()])
        for row in rows:
            row["layer"] = layers[row["name"]]
            if found := usage.get(row["name"]):
                row["cpu_percent"] = round(found.cpu_percent, 1)
                row["memory_bytes"] = found.memory_bytes
        return {
            "name": hands.manifest.name,
            "manifest": os.path.basename(hands.manifest.path),
            "supervisor": {
                "pid": os.getpid(),
                "guardian_pid": self._guardian(),
                "version": self._version,
                "uptime_s": round(hands.now - self._began, 1),
                "generation": self._generation,
            },
            "replicas": as_documents(hands.manifest.replicas),
            "services": rows,
            "wanted_settled": all(is_settled(service, services) for service in services.values()),
        }

    def row(self, service: Service) -> Document:
        """Return what is known of one service, without cpu and memory."""
        now, spec, hands = self._hands.now, service.spec, self._hands
        return {
            "name": service.name,
            "service": spec.service,
            "kind": spec.kind,
            "ownership": service.ownership,
            "wanted": service.wanted,
            "state": service.state,
            "reason": service.reason,
            "detail": service.detail or hands.listeners.trouble(service.name),
            "pid": service.pid,
            "generation": service.generation,
            "restarts": service.restarts,
            "attempt": len(service.budget.attempts),
            "max_attempts": spec.restart.max_attempts,
            "next_attempt_in_s": _left(service.next_attempt_at, now),
            "next_run_at": _utc(service.next_run_at),
            "uptime_s": _since(service.spawned_at, now),
            "ready_s": _since(service.ready_at, now),
            "exit_code": service.exit_code,
            "exit_signal": service.exit_signal,
            "ports": {port.name: port.number for port in spec.ports},
            "url": spec.url,
            "cpu_percent": None,
            "memory_bytes": None,
            "depends_on": list(spec.depends_on),
            "waits_for": list(outlook(service, hands.supervisor.services).waits_for),
            "start_timeout_s": spec.start_timeout,
            "tty": service.run.tty,
            "log": None if service.attached and not service.begun else self.log(service),
        }

    def log(self, service: Service) -> str:
        """Return the path of its log, relative to the manifest's folder."""
        return os.path.relpath(self._hands.outputs.files(service.run)[0].path, self._hands.manifest.folder)


def _since(moment: float | None, now: float) -> float | None:
    return None if moment is None else round(now - moment, 2)


def _utc(moment: float | None) -> str | None:
    return None if moment is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _left(moment: float | None, now: float) -> float | None:
    return None if moment is None else round(max(0.0, moment - now), 2)
