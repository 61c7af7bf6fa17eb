"""Events as lines that people read: what happened to whom, in one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.ui import words
from mamctl.ui.amounts import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Data = Mapping[str, Any]


class Happening(NamedTuple):
    """A sentence about a service, and the state whose symbol and colour it is shown with ("" for none)."""

    text: str
    state: str


def sentence(event: Data) -> Happening | None:
    """Return what to say of an event, or None for a type that has nothing to say to people."""
    tell = _TELLERS.get(str(event.get("type")))
    if tell is None:
        return None
    data: Data = event.get("data") or {}
    return tell(data)


def _started(data: Data) -> Happening:
    seconds = data.get("ready_after_s")
    text = "ready" if seconds is None else f"ready after {duration(float(seconds))}"
    if data.get("ownership") == "external":
        text = "ready, started by hand"
    return Happening(text, "ready")


def _because(text: str, data: Data) -> str:
    cause = words.reason(data) or words.ended(data)
    return f"{text}: {cause}" if cause else text


def _waiting(data: Data) -> Happening:
    if data.get("waits_for"):
        return Happening(words.waits(data["waits_for"]), "waiting")
    cause = words.reason(data)
    if data.get("reason") == "absent":
        return Happening(f"is absent: {cause}", "waiting")
    return Happening(cause or "waits", "waiting")


def _backoff(data: Data) -> Happening:
    cause = words.reason(data) or words.ended(data) or "it failed"
    return Happening(f"{cause}; {words.next_try(data)}", "backoff")


def _restarting(data: Data) -> Happening:
    # Without a reason somebody asked for it; how the process then ended is our own signal's doing.
    return Happening(_because("restarting", data) if data.get("reason") else "restarting", "starting")


def _stopped(data: Data) -> Happening:
    told = data.get("reason") not in (None, "by_operator") or data.get("detail")
    return Happening(_because("stopped", data) if told else "stopped", "stopped")


def _completed(data: Data) -> Happening:
    seconds = data.get("ran_s") or data.get("ready_after_s")
    return Happening(f"completed in {duration(float(seconds))}" if seconds else "completed", "completed")


def _failed(data: Data) -> Happening:
    hope = "; it starts again when its files change" if data.get("watched") else ""
    return Happening(_because("failed", data) + hope, "failed")


def _exit(data: Data) -> Happening:
    how = words.ended(data)
    return Happening(f"its process ended ({how})" if how else "its process ended", "")


def _info(data: Data) -> Happening:
    ending: Data = data.get("ending") or {}
    if not ending:
        return _NOTE(data)
    code = int(ending.get("code") or 0)
    reason = words.ENDINGS.get(str(ending.get("reason")), str(ending.get("reason") or "its run was over"))
    return Happening(f"the supervisor left with exit code {code}: {reason}", "failed" if code else "")


def _read_again(data: Data) -> Happening:
    rescaled = data.get("scaled") or []
    gone = words.not_of(rescaled, data.get("removed") or [])
    news = [*([f"gone from it: {words.names(gone)}"] if gone else []), *words.rescaled(rescaled)]
    return Happening("; ".join(["the manifest was read again", *news]), "")


def _said(state: str, otherwise: str) -> Callable[[Data], Happening]:
    def tell(data: Data) -> Happening:
        return Happening(words.plain(str(data.get("message") or data.get("detail") or otherwise)), state)

    return tell


_NOTE: Final = _said("", "a note")
_TELLERS: Final[Mapping[str, Callable[[Data], Happening]]] = {
    "starting": lambda _: Happening("starting", "starting"),
    "waiting": _waiting,
    "started": _started,
    "healthy": lambda _: Happening("healthy", "ready"),
    "unhealthy": lambda data: Happening(_because("unhealthy", data), "unhealthy"),
    "backoff": _backoff,
    "restarting": _restarting,
    "stopping": lambda _: Happening("stopping", "stopping"),
    "stopped": _stopped,
    "completed": _completed,
    "failed": _failed,
    "process-exit": _exit,
    # The event that follows, failed or backoff, tells the whole cause.
    "process-error": lambda _: Happening("could not be started", "failed"),
    "port-conflict": lambda _: Happening("found its port taken", "failed"),
    "api-error": _said("failed", "a request to it failed"),
    "warning": _said("unhealthy", "a warning"),
    "error": _said("failed", "an error"),
    "info": _info,
    "adopted": lambda _: Happening("taken over from the supervisor before", "ready"),
    "supervisor-started": lambda _: Happening("the supervisor started", ""),
    "supervisor-restarted": lambda _: Happening("the supervisor was replaced; no service noticed", ""),
    "manifest-changed": _read_again,
}
