"""How a question becomes an answer: from the cache, from somebody who is just asking the same, or from the model.

    look at the model server -> key -> cached? -> being asked? -> a turn -> the model in memory? -> ask -> keep

Everything is one generator of events, ("reasoning" | "delta", text) and at last ("done", Reply): a client that wants
the answer whole reads it to the end, a client that wants a stream is sent each one.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from services.agent.app import thinking
from services.agent.app.cache import Cache, key_of
from services.agent.app.errors import CANCELLED, ApiError, given_up
from services.agent.app.gate import Gate
from services.agent.app.history import Interaction
from services.agent.app.model_server import Draft, ModelServer, loading_refusal, unavailable
from services.agent.app.moment import timestamp
from services.agent.app.same_question import SameQuestions
from services.agent.app.wire import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from services.agent.app.backend import Backend, Sighting
    from services.agent.app.history import History
    from services.agent.app.question import Question
    from services.agent.app.settings import Settings

RELOAD_LOOK_S = 0.25
AWAY = {
    "unreachable": "no model server answers on {root}",
    "unresponsive": "what listens on {root} says nothing",
    "wrong_service": "what answers on {root} is no model server",
    "auth_required": "the model server on {root} wants a token",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and where it came from. Times are in milliseconds; `age` is that of a cached one, in seconds."""

    response: str
    reasoning: str | None
    model: str
    backend: str | None
    finish_reason: str | None
    usage: dict[str, int]
    cached: bool = False
    age: int = 0
    timing_ms: dict[str, float | None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """About how many bytes it takes to keep."""
        return 500 + 2 * (len(self.response) + len(self.reasoning or ""))


Event = tuple[str, Any]


@dataclass(slots=True)
class _Run:
    """One question on its way through: its limits, and what is known so far, also when it fails."""

    question: Question
    gone: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    queued_s: float = 0.0
    first_s: float | None = None
    backend: str | None = None

    @property
    def left(self) -> float:
        """Seconds until the question's own limit."""
        return max(0.05, self.started + self.question.timeout - time.monotonic())

    def timing(self) -> dict[str, float | None]:
        """Return the times for the client and the history, in milliseconds."""
        first = None if self.first_s is None else round(self.first_s * 1000, 1)
        total = round((time.monotonic() - self.started) * 1000, 1)
        return {"queue": round(self.queued_s * 1000, 1), "first_token": first, "total": total}


class Conversation:
    """Answers questions. Safe for threads; `stop` makes every running one give up soon."""

    def __init__(self, settings: Settings, backend: Backend, history: History) -> None:
        self._settings = settings
        self._backend = backend
        self._history = history
        self._server = ModelServer(settings)
        self._same: SameQuestions[Reply] = SameQuestions()
        self._stopping = threading.Event()
        self.cache: Cache[Reply] = Cache(settings.cache_ttl, settings.cache_max_entries, settings.cache_max_bytes)
        self.gate = Gate(settings.max_concurrency, settings.max_queue)

    def stop(self) -> None:
        """Give up every question that is still being answered."""
        self._stopping.set()

    def answer(self, question: Question, gone: Callable[[], bool]) -> tuple[str, Reply]:
        """Return (the interaction's id, the whole answer); `gone` says whether the client has left. Raises ApiError."""
        ident, reply = "", None
        for kind, value in self.events(question, gone):
            if kind == "done":
                ident, reply = value
        assert reply is not None, "events end with done or raise"
        return ident, reply

    def events(self, question: Question, gone: Callable[[], bool]) -> Generator[Event, None, None]:
        """Yield the answer as it comes and at last ("done", (id, Reply)); every outcome is kept in the history."""
        run = _Run(question, lambda: self._stopping.is_set() or gone())
        ident = str(uuid.uuid4())
        try:
            reply = yield from self._reply(run)
        except ApiError as error:
            self._keep(ident, run, None, error.code)
            raise
        except GeneratorExit:
            self._keep(ident, run, None, CANCELLED)
            raise
        reply = replace(reply, timing_ms=run.timing())
        self._keep(ident, run, reply, None)
        yield "done", (ident, reply)

    def _reply(self, run: _Run) -> Generator[Event, None, Reply]:
        question = run.question
        sighting = self._backend.look()
        wants_cached = question.repeatable and question.cache == "default" and self.cache.ttl > 0
        if not wants_cached:
            with self.gate.admission():
                return (yield from self._ask(run, sighting))
        if found := self.cache.get(self._key(question)):
            return (yield from _again(run, found[0], int(found[1])))
        with self.gate.admission():
            return (yield from self._ask_once(run, sighting))

    def _ask_once(self, run: _Run, sighting: Sighting) -> Generator[Event, None, Reply]:
        """Ask, or wait for somebody who is asking the same just now."""
        with self._same.join(self._key(run.question)) as same:
            if same.first:
                same.set(reply := (yield from self._ask(run, sighting)))
                return reply
            if (shared := same.result(run.left, run.gone)) is not None:
                return (yield from _again(run, shared, 0))
        return (yield from self._ask(run, sighting))

    def _ask(self, run: _Run, sighting: Sighting) -> Generator[Event, None, Reply]:
        patience = min(run.left, self._settings.queue_timeout)
        with self.gate.passage(patience, run.gone) as run.queued_s:
            sighting = self._ready(run, sighting)
            run.backend = sighting.kind
            key = self._key(run.question)
            draft = Draft()
            yield from self._pieces(run, sighting, draft)
        reply = self._finished(run, draft)
        if run.question.repeatable and run.question.cache != "bypass":
            self.cache.put(key, reply, reply.size)
        return reply

    def _pieces(self, run: _Run, sighting: Sighting, draft: Draft) -> Iterator[Event]:
        splitter = thinking.Splitter()
        try:
            asked = self._server.ask(run.question.model_request(), draft, self._limits(run, sighting), run.gone)
            for kind, text in asked:
                run.first_s = run.first_s or time.monotonic() - run.started
                yield from splitter.feed(text) if kind == "text" else [(kind, text)]
        except ApiError:
            self._backend.doubt()
            raise
        yield from splitter.finish()

    def _finished(self, run: _Run, draft: Draft) -> Reply:
        thoughts, text = thinking.part(draft.text)
        used = draft.model or run.question.model
        if used != run.question.model and not self._settings.allow_substitution:
            hint = "load the model you named, or set LLM_ALLOW_SUBSTITUTION=true"
            message = f"{used!r} answered in place of {run.question.model!r}"
            raise ApiError(502, "LLM_MODEL_MISMATCH", message, hint=hint)
        reasoning = "\n".join(part for part in (draft.reasoning.strip(), thoughts) if part) or None
        return Reply(text, reasoning, used, run.backend, draft.finish_reason, draft.usage)

    def _ready(self, run: _Run, sighting: Sighting) -> Sighting:
        """Wait while the model loads; raise ApiError at once when there is no model server."""
        until = time.monotonic() + min(run.left, self._settings.load_timeout)
        while sighting.state == "loading":
            if run.gone():
                raise given_up()
            if time.monotonic() >= until:
                raise loading_refusal()
            self._stopping.wait(RELOAD_LOOK_S)
            self._backend.doubt()
            sighting = self._backend.look()
        if sighting.state == "unresponsive" and self._backend.identity[0]:
            return sighting  # we know it, and a busy machine is slow: the question has limits of its own
        if sighting.state in AWAY:
            raise unavailable(AWAY[sighting.state].format(root=self._settings.llm_root))
        return sighting

    def _limits(self, run: _Run, sighting: Sighting) -> Limits:
        patience = self._settings.api_timeout
        loading = 0.0 if sighting.has_loaded(run.question.model) else self._settings.load_timeout
        return Limits(self._settings.connect_timeout, patience + loading, patience, run.left)

    def _key(self, question: Question) -> str:
        endpoint = f"{self._settings.llm_url} {self._settings.llm_endpoint}"
        return key_of(question.model_request(), endpoint, *self._backend.identity)

    def _keep(self, ident: str, run: _Run, reply: Reply | None, code: str | None) -> None:
        timing = reply.timing_ms if reply else run.timing()  # the client was told the very same
        usage = reply.usage if reply else {}
        self._history.record(
            Interaction(
                id=ident,
                created_at=timestamp(),
                session_id=run.question.session_id,
                prompt=run.question.prompt,
                response=reply.response if reply else None,
                reasoning=reply.reasoning if reply else None,
                processing_ms=timing["total"] or 0.0,
                queue_ms=timing["queue"] or 0.0,
                first_token_ms=timing["first_token"],
                model_requested=run.question.model,
                model_used=reply.model if reply else None,
                backend=reply.backend if reply else run.backend,
                cached=bool(reply and reply.cached),
                finish_reason=reply.finish_reason if reply else None,
                prompt_tokens=usage.get("prompt_tokens"),
                completion_tokens=usage.get("completion_tokens"),
                status="ok" if reply else "error",
                error_code=code,
            )
        )


def _again(run: _Run, reply: Reply, age: int) -> Generator[Event, None, Reply]:
    """Give an answer once more, to a streaming client as well: what it thought, then what it said."""
    run.first_s = time.monotonic() - run.started
    if reply.reasoning:
        yield "reasoning", reply.reasoning
    yield "delta", reply.response
    return replace(reply, cached=True, age=age)
