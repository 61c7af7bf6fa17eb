"""The chat server's routes: `POST /chat` asks the model, `POST /test` tells whether it could."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from services.agent.app import sse
from services.agent.app.errors import ApiError, error_body
from services.agent.app.guard import json_object
from services.agent.app.moment import timestamp
from services.agent.app.question import Question, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.agent.app.backend import Backend, Sighting
    from services.agent.app.conversation import Conversation, Reply
    from services.agent.app.settings import Settings

log = logging.getLogger(__name__)

HINTS = {
    "unreachable": "start LM Studio, or `mamctl start lmstudio`",
    "unresponsive": "it takes connections and says nothing: it is very busy, or it hangs",
    "wrong_service": "another program holds this address: `mamctl ports` shows which",
    "auth_required": "set LM_API_TOKEN to a token of LM Studio",
    "loading": "the model is on its way into memory; ask again in a moment",
}


def chat_routes(settings: Settings, conversation: Conversation, backend: Backend) -> Blueprint:
    """Return the blueprint with `/chat` and `/test`."""
    routes = Blueprint("chat", __name__)

    @routes.post("/chat")
    def chat() -> Response:
        question = parse(json_object(), settings)
        if question.stream:
            return _stream(conversation, question)
        ident, reply = conversation.answer(question, _client_left())
        response = jsonify(_answer_body(ident, reply, question))
        response.headers["X-Cache"] = _cache_word(reply, question)
        if reply.cached:
            response.headers["Age"] = str(reply.age)
        return response

    @routes.post("/test")
    def test() -> Response:
        sighting = backend.look()
        body = _test_body(sighting, settings)
        if request.args.get("deep", "").lower() in ("1", "true", "yes"):
            body |= _try_one_token(conversation, settings)
        return jsonify(body)

    return routes


def _stream(conversation: Conversation, question: Question) -> Response:
    events = conversation.events(question, _client_left())
    # The first event is awaited here, so that a question that fails at once still gets a status of its own.
    first = next(events)

    def body() -> Iterator[bytes]:
        try:
            yield _event(first, question)
            for event in events:
                yield _event(event, question)
        except ApiError as error:
            yield sse.write("error", error.body())
        except Exception:
            log.exception("a streamed answer failed")
            yield sse.write("error", error_body("something went wrong inside the agent", "INTERNAL"))
        finally:
            events.close()

    return Response(body(), mimetype="text/event-stream")


def _event(event: tuple[str, Any], question: Question) -> bytes:
    kind, value = event
    if kind == "done":
        ident, reply = value
        return sse.write("done", _answer_body(ident, reply, question))
    return sse.write(kind, {"text": value})


def _answer_body(ident: str, reply: Reply, question: Question) -> dict[str, Any]:
    return {
        "id": ident,
        "session_id": question.session_id,
        "response": reply.response,
        "reasoning": reply.reasoning,
        "model": reply.model,
        "model_requested": question.model,
        "backend": reply.backend,
        "finish_reason": reply.finish_reason,
        "cached": reply.cached,
        "max_tokens": question.max_tokens,
        "usage": reply.usage,
        "timing_ms": reply.timing_ms,
        "timestamp": timestamp(),
    }


def _cache_word(reply: Reply, question: Question) -> str:
    if reply.cached:
        return "HIT"
    return "MISS" if question.repeatable and question.cache == "default" else "BYPASS"


def _test_body(sighting: Sighting, settings: Settings) -> dict[str, Any]:
    hint = HINTS.get(sighting.state)
    model = sighting.serving or (settings.llm_model if settings.llm_model in sighting.models else None)
    return {
        "ok": sighting.state == "reachable",
        "chat": "ok",
        "llm": sighting.state,
        "url": settings.llm_root,
        "backend": sighting.kind,
        "model": model,
        "model_requested": settings.llm_model,
        "models": list(sighting.models),
        "loaded": None if sighting.loaded is None else list(sighting.loaded),
        "latency_ms": sighting.latency_ms,
        "hints": [hint] if hint else [],
        "timestamp": timestamp(),
    }


def _try_one_token(conversation: Conversation, settings: Settings) -> dict[str, Any]:
    """Really ask the model. Only on demand: it would keep the model of an LM Studio in memory for ever."""
    question = parse({"message": "Say ok.", "max_tokens": 1, "cache": "bypass"}, settings)
    try:
        _, reply = conversation.answer(question, _client_left())
    except ApiError as error:
        return {"ok": False, "deep": error.body()}
    return {"deep": {"model": reply.model, "timing_ms": reply.timing_ms}}


def _client_left() -> Callable[[], bool]:
    left: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    return left
