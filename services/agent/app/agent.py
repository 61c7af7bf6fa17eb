"""The agent's own routes: what this service is, what was asked, and the cache."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from services.agent.app.errors import ApiError, invalid
from services.agent.app.moment import timestamp

if TYPE_CHECKING:
    from services.agent.app.conversation import Conversation
    from services.agent.app.history import History

PAGE = 50
LONGEST_PAGE = 500


def agent_routes(conversation: Conversation, history: History) -> Blueprint:
    """Return the blueprint with `/history` and `/cache`."""
    routes = Blueprint("agent", __name__)

    @routes.get("/history")
    def past() -> Response:
        limit = _whole("limit", PAGE, LONGEST_PAGE)
        before = _whole("before", None, (1 << 63) - 1)
        try:
            items = history.page(limit or PAGE, before, request.args.get("session_id"))
        except sqlite3.Error as error:
            raise ApiError(503, "HISTORY_UNAVAILABLE", "the history cannot be read now", retry_after=5) from error
        following = items[-1]["seq"] if len(items) == limit else None
        return jsonify({"items": items, "next_before": following, "timestamp": timestamp()})

    @routes.get("/cache")
    def figures() -> Response:
        return jsonify(conversation.cache.stats() | {"timestamp": timestamp()})

    @routes.delete("/cache")
    def clear() -> Response:
        return jsonify({"cleared": conversation.cache.clear(), "timestamp": timestamp()})

    return routes


def _whole(name: str, default: int | None, most: int) -> int | None:
    text = request.args.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise invalid(f"'{name}' must be a whole number from 1 to {most}")
