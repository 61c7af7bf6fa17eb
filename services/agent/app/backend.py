"""Who answers at the model server's address, and whether it can answer now.

A port that answers proves nothing: LM Studio says 200 to any path, llama.cpp listens before its model is loaded, and
something else entirely may hold the port. So the server is recognised by what only it says:

    llama.cpp   the header `Server: llama.cpp` on /health; 503 there means that the model is loading
    lmstudio    `{"lmstudio": true}` on /lmstudio-greeting; /api/v1/models tells which models are in memory
    openai      a list of models on /v1/models, by anybody else
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.agent.app.wire import Call, Exchange, Limits, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.agent.app.settings import Settings

PROBE_S = 1.0  # for a whole look, so that our own health never waits longer
GOOD_FOR_S = 5.0
BAD_FOR_S = 1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look at the address showed.

    `state` is reachable, loading, unreachable, unresponsive (it takes connections and says nothing), wrong_service or
    auth_required. `loaded` is None when the server does not tell. `serving` is the model that answers whatever is asked
    for, where there is only one.
    """

    state: str
    kind: str | None = None
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] | None = None
    serving: str | None = None
    latency_ms: float = 0.0

    def has_loaded(self, model: str) -> bool:
        """Whether `model` can be expected to answer at once. A server that does not tell is believed to be ready."""
        return self.loaded is None or model in self.loaded


UNREACHABLE = Sighting("unreachable")


class Backend:
    """The latest look at the model server, taken anew when it is out of date."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = UNREACHABLE
        self._fresh_until = float("-inf")
        self._looked = False
        self._known = ("", "")

    def look(self) -> Sighting:
        """Return what is there now, at most a few seconds old; takes at most about PROBE_S seconds."""
        if self._clock() < self._fresh_until:
            return self._seen
        # One look at a time. Who comes meanwhile takes the one before, and waits only if there is none.
        if not self._lock.acquire(timeout=0 if self._looked else PROBE_S):
            return self._seen
        try:
            if self._clock() >= self._fresh_until:
                self._remember(probe(self._settings))
        finally:
            self._lock.release()
        return self._seen

    def doubt(self) -> None:
        """Forget how fresh the latest look is: an exchange has just failed."""
        self._fresh_until = float("-inf")

    @property
    def identity(self) -> tuple[str, str]:
        """Who answers: (kind, the one model it serves). It outlives an outage, so that cached answers do too."""
        return self._known

    def _remember(self, sighting: Sighting) -> None:
        self._seen = sighting
        self._looked = True
        self._fresh_until = self._clock() + (GOOD_FOR_S if sighting.state == "reachable" else BAD_FOR_S)
        if sighting.state == "reachable":
            self._known = (sighting.kind or "", sighting.serving or "")


def probe(settings: Settings) -> Sighting:
    """Look at the model server once. Never raises."""
    started = time.monotonic()
    end = started + PROBE_S
    try:
        state, kind, models, loaded = _recognise(_getter(settings, end), settings.llm_root, settings.llm_url)
    except WireError as error:
        return _failed(error)
    serving = models[0] if kind == "llama.cpp" and len(models) == 1 else None
    latency = round((time.monotonic() - started) * 1000, 1)
    return Sighting(state, kind, models, loaded, serving, latency)


def _failed(error: WireError) -> Sighting:
    if error.timed_out:
        return Sighting("unresponsive")
    return UNREACHABLE if error.stage == "connect" else Sighting("wrong_service")


_Seen = tuple[int, str, dict[str, Any]]
_Recognised = tuple[str, str | None, tuple[str, ...], tuple[str, ...] | None]


def _recognise(get: Callable[[str], _Seen], root: str, api: str) -> _Recognised:
    status, server, _ = get(f"{root}/health")
    if server.startswith("llama.cpp"):
        return _llama_cpp(status, get, api)
    if get(f"{root}/lmstudio-greeting")[2].get("lmstudio") is True:
        return _lmstudio(get, root, api)
    status, _, listed = get(f"{api}/models")
    if status in (401, 403):
        return "auth_required", "openai", (), None
    if status != 200 or not isinstance(listed.get("data"), list):
        return "wrong_service", None, (), None
    return "reachable", "openai", _ids(listed, "data", "id"), None


def _llama_cpp(status: int, get: Callable[[str], _Seen], api: str) -> _Recognised:
    if status == 503:
        return "loading", "llama.cpp", (), ()
    return "reachable", "llama.cpp", _ids(get(f"{api}/models")[2], "data", "id"), None


def _lmstudio(get: Callable[[str], _Seen], root: str, api: str) -> _Recognised:
    status, _, listed = get(f"{root}/api/v1/models")
    if status in (401, 403):
        return "auth_required", "lmstudio", (), None
    if not isinstance(listed.get("models"), list):  # before LM Studio 0.4, which did not tell what is in memory
        return "reachable", "lmstudio", _ids(get(f"{api}/models")[2], "data", "id"), None
    chats = [entry for entry in _entries(listed, "models") if entry.get("type") != "embedding"]
    loaded = [entry for entry in chats if entry.get("loaded_instances")]
    return "reachable", "lmstudio", _ids({"models": chats}, "models", "key"), _ids({"": loaded}, "", "key")


def _getter(settings: Settings, end: float) -> Callable[[str], _Seen]:
    """Return a function that GETs a URL as (status, Server header, the body if it is an object), before `end`."""

    def get(url: str) -> _Seen:
        left = max(0.01, end - time.monotonic())
        limits = Limits(min(left, settings.connect_timeout), left, left, left)
        exchange = Exchange.open(Call(url, b"", settings.llm_token), limits, lambda: False)
        return exchange.status, exchange.headers.get("server", ""), _object(exchange.body())

    return get


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _entries(listed: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = listed.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _ids(listed: dict[str, Any], name: str, key: str) -> tuple[str, ...]:
    return tuple(str(entry[key]) for entry in _entries(listed, name) if key in entry)
