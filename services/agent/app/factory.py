"""Puts the parts together into a Flask application; the only place that knows all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask

from services.agent.app import errors, guard
from services.agent.app.agent import agent_routes
from services.agent.app.backend import Backend
from services.agent.app.chat import chat_routes
from services.agent.app.conversation import Conversation
from services.agent.app.health import health_routes
from services.agent.app.history import History

if TYPE_CHECKING:
    from services.agent.app.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """The application and what has to be stopped with it."""

    app: Flask
    conversation: Conversation
    history: History

    def drain(self, patience: float) -> None:
        """Let questions finish for `patience` seconds, then give the rest up, which takes as long again at most."""
        if not self.conversation.gate.wait_empty(patience):
            self.conversation.stop()
            self.conversation.gate.wait_empty(patience)


def create_service(settings: Settings, name: str = "agent") -> Service:
    """Return the `agent` (its own routes and the chat) or the `chat` alone. Raises OSError, sqlite3.Error."""
    history = History(settings.data_dir / "agent.db", settings.log_prompts, settings.history_max_rows)
    backend = Backend(settings)
    conversation = Conversation(settings, backend, history)
    app = Flask(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    guard.register(app, settings.max_body)
    app.register_blueprint(health_routes(name, settings, conversation, backend, history))
    app.register_blueprint(chat_routes(settings, conversation, backend))
    if name == "agent":
        app.register_blueprint(agent_routes(conversation, history))
    return Service(app, conversation, history)
