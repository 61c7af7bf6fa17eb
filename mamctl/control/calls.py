"""The requests that clients make, without any input or output: what is asked, how long it may take, what it answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from mamctl.control.client import ApiError
from mamctl.control.place import nearest, place
from mamctl.control.reach import Reach, over_tcp
from mamctl.core.errors import NoSupervisor, TimedOut, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The server is given this many seconds beyond the time that it was told to wait.
MARGIN = 10.0
# A supervisor that is being replaced may be away for so long, in seconds.
RETRY_SECONDS = 5.0
RETRY_PAUSE = 0.02
# Streams say something every 15 s.
SILENCE = 45.0


class Call(NamedTuple):
    """One request. `wait`: the seconds that the server itself may wait; `headers` are the same at each attempt."""

    method: str
    path: str
    params: dict[str, str]
    body: dict[str, Any] | None
    wait: float
    headers: dict[str, str]


def get(path: str, *, wait: float = 0.0, **params: object) -> Call:
    """Return a question; parameters that are None are left out."""
    given = {name.removesuffix("_"): _text(value) for name, value in params.items() if value is not None}
    return Call("GET", path, given, None, wait, {})


def post(path: str, *, patience: float = 0.0, wait: float | None = None, **body: object) -> Call:
    """Return a change, with an id of its own, so that however often it is sent it is made once.

    `wait`: the server is told to wait so long for the outcome; `patience`: it may take so long without being told.
    """
    given = {name: value for name, value in {"wait": wait, **body}.items() if value is not None}
    return Call("POST", path, {}, given, wait or patience, {"X-Request-Id": os.urandom(8).hex()})


def service(name: str, verb: str = "") -> str:
    """Return the path of a service, or of something that is done to it."""
    return f"/v1/services/{quote(name, safe='')}{f'/{verb}' if verb else ''}"


def joined(names: Sequence[str]) -> str | None:
    """Return names as a query has them, None when there are none."""
    return ",".join(names) or None


def reach_of(where: str | os.PathLike[str] | None, token: str | None, environ: Mapping[str, str]) -> Reach:
    """Return where a supervisor answers: a URL, a manifest or the folder of one, a socket, or None for the nearest.

    Raises UsageError when there is no such thing.
    """
    target = os.fspath(where or environ.get("MAMCTL_FILE") or os.getcwd())
    if target.startswith(("http://", "https://")):
        return over_tcp(target, {**environ, **({"MAMCTL_TOKEN": token} if token else {})})
    if target.endswith(".sock"):
        return Reach(os.path.abspath(target))
    manifest = nearest(target) if os.path.isdir(target) else target
    if manifest is None or not os.path.exists(manifest):
        raise UsageError(f"no services.yaml in {target} or a folder above it", "name a manifest, its folder, or a URL")
    return Reach(place(manifest, environ).socket)


def result_of(status: int, content_type: str, text: str, document: Any, reach: Reach) -> Any:
    """Return what an answer holds. Raises ApiError for a refusal, NoSupervisor for what is no answer of ours."""
    if content_type.startswith("text/plain") and status == 200:
        return text
    if document is None:
        raise NoSupervisor(f"what answers at {reach} is no supervisor", reach.hint)
    if status >= 400:
        raise ApiError(status, document if isinstance(document, dict) else {})
    return document


class Patience:
    """Decides, failure by failure, whether one request is tried again. `clock` gives seconds."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._until: float | None = None

    def pause(self, now: float, *, connected: bool, silent: bool) -> float:
        """Return the seconds until the next attempt. Raises NoSupervisor, or TimedOut when the other side is `silent`.

        `connected`: it had been there, so another may be taking its place.
        """
        if silent:
            raise TimedOut("the supervisor did not answer in time", "look at logs/mamctl.log")
        if self._until is None:
            if not connected:
                raise self.nobody()
            self._until = now + RETRY_SECONDS
        if now > self._until:
            raise self.nobody()
        return RETRY_PAUSE

    def reset(self) -> None:
        """Begin anew: it answered."""
        self._until = None

    def nobody(self) -> NoSupervisor:
        """Return the error that nobody answers."""
        return NoSupervisor(f"no supervisor answers at {self._reach}", self._reach.hint)


def is_farewell(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is the last one of a supervisor that ends for good."""
    return event.get("type") == "info" and "ending" in event.get("data", {})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
