"""What a client asks of `POST /chat`, checked and made whole."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.agent.app.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.agent.app.settings import Settings

FIELDS = (
    "message", "messages", "model", "max_tokens", "temperature", "seed", "response_format", "stream", "cache",
    "session_id", "timeout",
)  # fmt: skip
ROLES = ("system", "user", "assistant")
CACHE_MODES = ("default", "bypass", "refresh")
MAX_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Question:
    """A chat request with every default filled in. `timeout` is in seconds, for everything from the queue on."""

    messages: tuple[Mapping[str, str], ...]
    model: str
    max_tokens: int
    temperature: float
    seed: int | None
    response_format: Mapping[str, Any] | None
    stream: bool
    cache: str
    session_id: str | None
    timeout: float
    wants_variety: bool

    @property
    def repeatable(self) -> bool:
        """May an earlier answer be given again? Not to someone who asked for variety: a temperature without a seed."""
        return not self.wants_variety or self.seed is not None

    @property
    def prompt(self) -> str:
        """The question as people read it in the history."""
        if len(self.messages) == 1:
            return self.messages[0]["content"]
        return "\n".join(f"{message['role']}: {message['content']}" for message in self.messages)

    def model_request(self) -> dict[str, Any]:
        """Return all that decides what the model says, in the OpenAI chat form (without the way of delivery)."""
        wanted = {
            "model": self.model,
            "messages": [dict(message) for message in self.messages],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "response_format": self.response_format,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def parse(body: Mapping[str, Any], settings: Settings) -> Question:
    """Return the question in `body`; raise ApiError 400 that names the field which is wrong and what it may be."""
    _refuse_unknown(body)
    temperature = _number(body, "temperature", 0, 2)
    max_tokens = _whole(body, "max_tokens", 1, 1 << 31)
    return Question(
        messages=_messages(body, settings.max_prompt_chars),
        model=_text(body, "model", 200) or settings.llm_model,
        max_tokens=min(max_tokens or settings.max_tokens, settings.chat_max_tokens),
        temperature=settings.temperature if temperature is None else temperature,
        seed=_whole(body, "seed", 0, (1 << 32) - 1),
        response_format=_object(body, "response_format"),
        stream=_flag(body, "stream"),
        cache=_choice(body, "cache", CACHE_MODES),
        session_id=_text(body, "session_id", 128),
        timeout=_number(body, "timeout", 0.05, settings.total_timeout) or settings.total_timeout,
        wants_variety=bool(temperature),
    )


def _refuse_unknown(body: Mapping[str, Any]) -> None:
    for name in body:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known fields: {', '.join(FIELDS)}"
            raise invalid(f"unknown field {name[:80]!r}", hint)


def _messages(body: Mapping[str, Any], max_chars: int) -> tuple[Mapping[str, str], ...]:
    message, messages = body.get("message"), body.get("messages")
    if (message is None) == (messages is None):
        raise invalid("give exactly one of 'message' (a text) and 'messages' (a list)", 'such as {"message": "Hello"}')
    listed = [{"role": "user", "content": message}] if messages is None else messages
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_MESSAGES:
        raise invalid(f"'messages' must be a list of 1 to {MAX_MESSAGES} messages")
    checked = tuple(
        _message(item, "message" if messages is None else f"messages[{n}]") for n, item in enumerate(listed)
    )
    chars = sum(len(item["content"]) for item in checked)
    if chars > max_chars:
        raise ApiError(400, "PROMPT_TOO_LONG", f"the prompt has {chars} characters, {max_chars} are allowed")
    return checked


def _message(item: object, where: str) -> Mapping[str, str]:
    if not isinstance(item, dict) or set(item) != {"role", "content"} or item["role"] not in ROLES:
        raise invalid(f"'{where}' must have a role ({', '.join(ROLES)}) and a content, nothing else")
    content = item["content"]
    if not isinstance(content, str) or not content.strip():
        raise invalid(f"the content of '{where}' must be a text that is not empty")
    return {"role": item["role"], "content": content}


def _text(body: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = body.get(name)
    if value is None or (isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()):
        return value
    raise invalid(f"'{name}' must be a text of 1 to {longest} printable characters")


def _whole(body: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    value = body.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and least <= value <= most):
        return value
    raise invalid(f"'{name}' must be a whole number from {least} to {most}")


def _number(body: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    value = body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most):
        return value
    raise invalid(f"'{name}' must be a number from {least} to {most}")


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise invalid(f"'{name}' must be true or false")


def _choice(body: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = body.get(name)
    if value is None or value in allowed:
        return value or allowed[0]
    raise invalid(f"'{name}' must be one of {', '.join(allowed)}")


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = body.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise invalid(f"'{name}' must be an object")
