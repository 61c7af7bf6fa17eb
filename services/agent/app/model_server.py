"""Speaks the OpenAI paths of a model server: a question goes out, pieces of the answer come in.

The answer is always asked for as a stream, because only a stream shows whether the model still works or hangs. Servers
that answer whole instead are understood. What can be wrong with an answer is named here, once: LM Studio, for one, says
200 to everything and puts its error in the body.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.agent.app import sse
from services.agent.app.errors import ApiError, given_up, invalid
from services.agent.app.wire import Call, Exchange, Limits, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from services.agent.app.settings import Settings

log = logging.getLogger(__name__)

EARLY_END = "the model server ended its answer in the middle"


@dataclass(slots=True)
class Draft:
    """An answer as it grows. `ended` tells a finished one from one that was cut off."""

    text: str = ""
    reasoning: str = ""
    model: str = ""
    finish_reason: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    ended: bool = False

    def take(self, chunk: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Add one chunk of either form (a delta, or a whole answer); yield what it says as (kind, text)."""
        self.model = _text(chunk.get("model")) or self.model
        self.usage = _usage(chunk.get("usage")) or self.usage
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
        said = choice.get("delta") or choice.get("message") or choice
        if not isinstance(said, dict):
            return
        thought = _text(said.get("reasoning_content")) or _text(said.get("reasoning"))
        text = _text(said.get("content")) or _text(said.get("text"))
        self.reasoning += thought
        self.text += text
        yield from (piece for piece in (("reasoning", thought), ("text", text)) if piece[1])


class ModelServer:
    """The model server at `settings.llm_url`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ask(
        self, question: Mapping[str, Any], draft: Draft, limits: Limits, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """Yield ("text" | "reasoning", piece) while `draft` grows to the whole answer; raise ApiError."""
        path, body = self._request(question)
        call = Call(f"{self._settings.llm_url}{path}", json.dumps(body).encode(), self._settings.llm_token)
        try:
            exchange = Exchange.open(call, limits, cancelled)
            try:
                yield from _answer(exchange, draft)
            finally:
                exchange.close()
        except WireError as error:
            raise _unanswered(error, self._settings.llm_root, limits) from error
        if not (draft.text.strip() or draft.reasoning.strip()):
            raise _bad("the model server gave an empty answer")

    def _request(self, question: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        wanted = dict(question) | {"stream": True, "stream_options": {"include_usage": True}}
        if self._settings.llm_endpoint == "chat":
            return "/chat/completions", wanted
        wanted["prompt"] = as_prompt(wanted.pop("messages"))
        return "/completions", wanted


def as_prompt(messages: list[Mapping[str, str]]) -> str:
    """Write a conversation as one text for the old completions path, which knows no roles."""
    if len(messages) == 1:
        return messages[0]["content"]
    lines = [f"{message['role'].capitalize()}: {message['content']}" for message in messages]
    return "\n".join([*lines, "Assistant:"])


def _answer(exchange: Exchange, draft: Draft) -> Iterator[tuple[str, str]]:
    if exchange.status != 200:
        raise _refusal(exchange.status, exchange.body())
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        yield from _streamed(exchange, draft)
    else:
        yield from _whole(exchange.body(), draft)
    if not draft.ended:
        raise _bad(EARLY_END)


def _streamed(exchange: Exchange, draft: Draft) -> Iterator[tuple[str, str]]:
    for data in sse.read(exchange.chunks()):
        if data.strip() == "[DONE]":
            draft.ended = True
            return
        yield from draft.take(_chunk(data.encode()))
    # Some servers leave the marker out; a reason to finish says as much.
    draft.ended = draft.finish_reason is not None


def _whole(body: bytes, draft: Draft) -> Iterator[tuple[str, str]]:
    chunk = _chunk(body)
    if "choices" not in chunk:
        raise _bad("the model server's answer holds no choices")
    draft.ended = True
    yield from draft.take(chunk)


def _chunk(data: bytes) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError) as error:
        log.warning("no JSON from the model server: %.200r", data)
        raise _bad("the model server's answer is not JSON") from error
    if not isinstance(chunk, dict):
        raise _bad("the model server's answer is not a JSON object")
    if chunk.get("error"):
        raise _refusal(_status(chunk["error"]), data)
    return chunk


def _status(error: object) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 200


def _refusal(status: int, body: bytes) -> ApiError:
    """Turn the model server's own refusal into ours. Its words may name files, so only its numbers are passed on."""
    log.warning("the model server answered %d: %.500r", status, body)
    details = _details(body)
    if details.get("type") == "exceed_context_size_error":
        counts = f"{details.get('n_prompt_tokens')} tokens, the model takes {details.get('n_ctx')}"
        return ApiError(400, "PROMPT_TOO_LONG", f"the prompt has {counts}", hint="shorten the prompt")
    if status in (401, 403):
        return ApiError(502, "LLM_AUTH_REQUIRED", "the model server wants a token", hint="set LM_API_TOKEN")
    if status == 503:
        loading = "loading" in str(details.get("message", "")).lower()
        return loading_refusal() if loading else unavailable("the model server is not available")
    if status == 429:
        return ApiError(429, "QUEUE_FULL", "the model server is busy", retry_after=2)
    if status == 400:
        return invalid("the model server refused the request as wrong", "see the agent's log for its words")
    return _bad(f"the model server answered with an error ({status})")


def loading_refusal() -> ApiError:
    """Return the 503 for a model that is still on its way into memory."""
    return ApiError(503, "LLM_MODEL_LOADING", "the model is still loading", hint="ask again soon", retry_after=2)


def unavailable(message: str) -> ApiError:
    """Return the 503 for a model server that cannot be used now."""
    hint = "start LM Studio, or `mamctl start lmstudio`; POST /test shows what the agent sees"
    return ApiError(503, "LLM_UNAVAILABLE", message, hint=hint, retry_after=5)


def _bad(message: str) -> ApiError:
    return ApiError(502, "LLM_BAD_RESPONSE", message, hint="see the agent's log; POST /test shows what answers there")


def _unanswered(error: WireError, root: str, limits: Limits) -> ApiError:
    if error.stage == "connect":
        return unavailable(f"no model server answers on {root}")
    if error.stage == "cancelled":
        return given_up()
    if not error.timed_out:
        log.warning("the exchange with the model server broke: %s", error)
        return _bad("the connection to the model server broke")
    waited = {"first_token": limits.first, "idle": limits.idle, "total": limits.total}[error.stage]
    hint = "LLM_TOTAL_TIMEOUT, or 'timeout' in the request" if error.stage == "total" else "API_TIMEOUT"
    words = {"first_token": "said nothing", "idle": "fell silent", "total": "was not done"}[error.stage]
    return ApiError(504, "LLM_TIMEOUT", f"the model {words} within {waited:g} s", hint=f"this limit is {hint}")


def _details(body: bytes) -> dict[str, Any]:
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {"message": error}


def _text(value: object) -> str:
    """Return a text that can be stored and hashed: half a surrogate pair is legal JSON, but no UTF-8."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _usage(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: value[name] for name in names if isinstance(value.get(name), int)}
