"""Three questions, kept apart: does the process live, can it work, and how is everything.

The model server is somebody else's: while it is away the agent is degraded and still 200, because a restart of the
agent would help nobody. `/health/live` looks at nothing outside the process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from services.agent import __version__
from services.agent.app.moment import timestamp

if TYPE_CHECKING:
    from services.agent.app.backend import Backend
    from services.agent.app.conversation import Conversation
    from services.agent.app.history import History
    from services.agent.app.settings import Settings


def health_routes(
    name: str, settings: Settings, conversation: Conversation, backend: Backend, history: History
) -> Blueprint:
    """Return the blueprint with `/`, `/health` and `/health/live` for the service `name`."""
    routes = Blueprint("health", __name__)
    started = time.monotonic()

    def identity() -> dict[str, Any]:
        uptime = round(time.monotonic() - started, 1)
        who = {"service": name, "version": __version__, "instance": settings.instance or None, "uptime_s": uptime}
        return who | {"timestamp": timestamp()}

    @routes.get("/")
    def index() -> Response:
        return jsonify(identity() | {"paths": _paths()})

    @routes.get("/health/live")
    def live() -> Response:
        return jsonify({"status": "healthy"} | identity())

    @routes.get("/health")
    def health() -> Response:
        seen = backend.look()
        parts = {"llm": seen.state == "reachable", "history": history.healthy}
        status = "healthy" if all(parts.values()) else "degraded"
        llm = {"state": seen.state, "backend": seen.kind, "model": seen.serving, "latency_ms": seen.latency_ms}
        load = conversation.gate.figures()
        return jsonify({"status": status} | identity() | {"services": parts, "llm": llm, "questions": load})

    return routes


def _paths() -> list[str]:
    from flask import current_app

    rules = [rule for rule in current_app.url_map.iter_rules() if rule.endpoint != "static"]
    methods = {"GET", "POST", "DELETE"}
    return sorted(f"{method} {rule.rule}" for rule in rules for method in (rule.methods or set()) & methods)
