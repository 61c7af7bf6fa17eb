"""Status rows for the tests of what people see: one of every kind of trouble."""

from __future__ import annotations

from typing import Any


def row(name: str, state: str = "ready", **changes: Any) -> dict[str, Any]:
    alive = state in ("ready", "starting", "unhealthy", "stopping")
    found = {
        "name": name,
        "service": name,
        "kind": "service",
        "ownership": "managed",
        "wanted": "down" if state == "stopped" else "up",
        "state": state,
        "reason": None,
        "detail": None,
        "pid": 4312 if alive else None,
        "restarts": 0,
        "attempt": 0,
        "next_attempt_in_s": None,
        "uptime_s": 3723.0 if alive else None,
        "ports": {},
        "url": None,
        "cpu_percent": 0.4 if alive else None,
        "memory_bytes": 51_200_000 if alive else None,
        "depends_on": [],
        "waits_for": [],
        "start_timeout_s": 30.0,
        "log": f"logs/{name}.log",
    }
    return {**found, **changes}


HELD = "port 8000 is held by pid 4312 (python wsgi.py, user alice, started 3 h ago)"


def stack() -> dict[str, Any]:
    """Return a status document in which everything that can be is."""
    external = {"kind": "external", "ownership": "external"}
    gone = {"pid": None, "uptime_s": None, "cpu_percent": None, "memory_bytes": None}
    return {
        "name": "mam",
        "supervisor": {"pid": 41, "uptime_s": 12.5},
        "services": [
            row("migrate", "completed", kind="task"),
            row("backend", ports={"http": 5001}, restarts=1),
            row("lmstudio", ports={"http": 1234}, **external, **gone),
            row("agent", "waiting", waits_for=["lmstudio", "backend"]),
            row("api", "backoff", reason="exited", detail="exit code 3", attempt=2, next_attempt_in_s=1.5, restarts=2),
            row("django", "failed", reason="port_taken", detail=HELD, ports={"http": 8000, "admin": 8001}),
            row("worker", "stopped", reason="by_operator"),
        ],
    }
