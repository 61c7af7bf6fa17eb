"""The endpoints: each takes a request and returns a document, or streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mamctl.control.protocol import BATCH, Document, Refusal
from mamctl.core.manifest import units
from mamctl.core.manifest.findings import Invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mamctl.control.protocol import Feed, Operator, Views

# A request may ask to wait, but nobody waits for ever.
LONGEST_WAIT = 3600.0
ACTIONS = ("start", "stop", "restart")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: decoded path, the last value of each query name, lower-case headers, the JSON body."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


class Routes:
    """Finds the endpoint of a request."""

    def __init__(self, operator: Operator, feed: Feed, views: Views) -> None:
        self._operator = operator
        self._feed = feed
        self._views = views
        self._table: dict[str, dict[str, Callable[[Request], Awaitable[Document]]]] = {
            "/v1/status": {"GET": self._status},
            "/v1/health": {"GET": self._health},
            "/v1/events": {"GET": self._events},
            "/v1/wait": {"GET": self._wait},
            "/v1/ports": {"GET": self._ports},
            "/v1/graph": {"GET": self._graph},
            "/v1/up": {"POST": self._up},
            "/v1/down": {"POST": self._down},
            "/v1/restart": {"POST": self._restart},
            "/v1/reexec": {"POST": self._reexec},
        }

    async def answer(self, request: Request) -> Document:
        """Carry out a request. Raises Refusal and the errors of the operator."""
        methods = self._table.get(request.path)
        if methods is None:
            return await self._of_service(request)
        endpoint = methods.get(request.method)
        if endpoint is None:
            raise Refusal(405, "method_not_allowed", f"{request.path} takes {', '.join(methods)}")
        return await endpoint(request)

    async def answer_again(self, request: Request) -> Document:
        """Answer a request whose change another supervisor has made: wait for what it brought, and change nothing."""
        match request.path.split("/"):
            case ["", "v1", "down"]:
                return await self.answer(request)
            case ["", "v1", "reexec"]:
                return {"supervisor": self._operator.document()["supervisor"]}
            case ["", "v1", "services", name, "stop"]:
                return await self._operator.settle_stop(self._operator.select([name]), wait=_waiting(request.body))
            case ["", "v1", "services", name, _]:
                return await self._operator.settle(self._operator.select([name]), wait=_waiting(request.body))
            case _:
                return await self._operator.settle(names_of(request.body, "services"), wait=_waiting(request.body))

    # Reading ------------------------------------------------------------------------------------------------------

    async def _status(self, _request: Request) -> Document:
        return self._operator.document()

    async def _health(self, _request: Request) -> Document:
        return {"status": "healthy"}

    async def _events(self, request: Request) -> Document:
        newest = max(0, self._feed.last - BATCH)
        return {"events": self._feed.since(integer(request.query, "since", newest), BATCH)}

    async def _wait(self, request: Request) -> Document:
        names = [name for name in request.query.get("services", "").split(",") if name]
        wait = seconds(request.query.get("timeout"), "timeout", 60.0)
        return await self._operator.wait_for(names, request.query.get("for", "ready"), wait)

    async def _ports(self, _request: Request) -> Document:
        return {"ports": self._views.ports()}

    async def _graph(self, _request: Request) -> Document:
        return self._views.graph()

    # Changing -----------------------------------------------------------------------------------------------------

    async def _up(self, request: Request) -> Document:
        body = request.body
        if flag(body, "only_wait"):
            return await self._operator.settle(wait=_waiting(body))
        return await self._operator.up(
            names_of(body, "services"),
            names_of(body, "profiles") or (),
            alone=flag(body, "no_deps"),
            wait=_waiting(body),
        )

    async def _down(self, request: Request) -> Document:
        return await self._operator.down(force=flag(request.body, "force"), wait=_waiting(request.body))

    async def _restart(self, request: Request) -> Document:
        return await self._operator.restart(names_of(request.body, "services"), wait=_waiting(request.body))

    async def _reexec(self, _request: Request) -> Document:
        return await self._operator.reexec()

    async def _of_service(self, request: Request) -> Document:
        parts = request.path.split("/")
        if len(parts) not in (4, 5) or parts[:3] != ["", "v1", "services"]:
            raise Refusal(404, "unknown_path", f"no such path: {request.path}", "GET /v1/status")
        names = self._operator.select([parts[3]])
        if len(parts) == 4:
            _only(request, "GET")
            return self._row(names)
        if parts[4] not in ACTIONS:
            raise Refusal(404, "unknown_path", f"no such action: {parts[4]}", f"one of {', '.join(ACTIONS)}")
        _only(request, "POST")
        wait = _waiting(request.body)
        match parts[4]:
            case "start":
                return await self._operator.start(names, wait=wait)
            case "stop":
                return await self._operator.stop(names, wait=wait)
            case _:
                return await self._operator.restart(names, wait=wait)

    def _row(self, names: Sequence[str]) -> Document:
        if len(names) > 1:
            raise Refusal(400, "bad_request", f"that means {len(names)} services: {', '.join(names)}", "name one")
        rows: Sequence[Document] = self._operator.document()["services"]
        return next(row for row in rows if row["name"] == names[0])


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise Refusal(405, "method_not_allowed", f"{request.path} takes {method}")


def _waiting(body: Mapping[str, Any]) -> float | None:
    value = body.get("wait")
    return None if value is None else seconds(value, "wait", 0.0)


def seconds(value: object, name: str, default: float, most: float = LONGEST_WAIT) -> float:
    """Return the seconds of a duration in a request: `500ms`, `2s`, `5m`, `1h` or a number of seconds."""
    if value is None:
        return default
    try:
        number = units.seconds(value)
    except Invalid:
        number = -1.0
    if not 0 <= number <= most:
        hint = f"500ms, 2s, 5m, 1h or a number of seconds, from 0 to {most:g} s"
        raise Refusal(400, "bad_request", f"{name} must be a duration", hint)
    return number


def integer(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a whole number of a query."""
    value = query.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()) or len(value) > 15:
        raise Refusal(400, "bad_request", f"{name} must be a whole number")
    return int(value)


def names_of(body: Mapping[str, Any], name: str) -> list[str] | None:
    """Return a list of names of a body, None when it is not there."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Refusal(400, "bad_request", f"{name} must be a list of names")
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return a yes or no of a body."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Refusal(400, "bad_request", f"{name} must be true or false")
    return value
