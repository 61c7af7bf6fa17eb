"""Endpoints: which method answers which request. A method says it by a decorator, and its own types say the rest.

    @endpoint("POST", "/v1/services/{name}/start")
    async def start(self, name: str, body: WaitBody) -> Outcome:
        '''Start a service, dependencies first.'''

`name` comes from the path, `body` and `query` are read into their records (see `arguments`), and what a method does not
name is refused. `openapi` makes the document from the same methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mamctl.control import arguments
from mamctl.control.admission import is_json
from mamctl.control.protocol import Refusal
from mamctl.control.reading import read_body, read_query, refuse_unknown
from mamctl.core.manifest.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mamctl.control.protocol import Request

F = TypeVar("F", bound="Callable[..., Any]")
JSON = "application/json"
SSE = "text/event-stream"
NDJSON = "application/x-ndjson"


class Endpoint(NamedTuple):
    """One of them. `media` is the type of its answer."""

    method: str
    path: str
    answer: Callable[..., Awaitable[Any]]
    media: str

    def arguments(self, request: Request, names: Mapping[str, str]) -> dict[str, object]:
        """Return what the method is called with. Raises Refusal for what it cannot be."""
        if self.method == "POST" and request.strict and not is_json(request.headers):
            raise Refusal(415, "not_json", "a change must be application/json", "Content-Type: application/json")
        hints = self.answer.__annotations__
        found: dict[str, object] = {name: value for name, value in names.items() if name in hints}
        if "body" in hints:
            found["body"] = read_body(getattr(arguments, hints["body"]), request.body)
        else:
            refuse_unknown(request.body, {}, "field")
        if "query" in hints:
            found["query"] = read_query(getattr(arguments, hints["query"]), request.query)
        else:
            refuse_unknown(request.query, {}, "parameter")
        return found


class Table:
    """All endpoints, in the order of their definition."""

    def __init__(self) -> None:
        self.all: list[Endpoint] = []

    def find(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        """Return who answers a request, and the names in its path. Raises Refusal with 404 or 405."""
        template, names = _template(request.path)
        there = [found for found in self.all if found.path == template]
        if not there:
            raise Refusal(404, "unknown_path", f"no such path: {request.path[:200]}", self._near(template))
        for found in there:
            if found.method == request.method:
                return found, names
        allowed = ", ".join(dict.fromkeys(found.method for found in there))
        raise Refusal(405, "method_not_allowed", f"{request.path} takes {allowed}", headers=(("Allow", allowed),))

    def _near(self, path: str) -> str:
        near = nearest(path, [found.path for found in self.all])
        return f"did you mean {near}?" if near else "GET /v1/openapi.json lists them"


TABLE = Table()


def endpoint(method: str, path: str, *, media: str = JSON) -> Callable[[F], F]:
    """Let a method answer requests."""

    def register(answer: F) -> F:
        TABLE.all.append(Endpoint(method, path, answer, media))
        return answer

    return register


def _template(path: str) -> tuple[str, dict[str, str]]:
    """Return a path with what stands for a service's name replaced, and that name."""
    parts = path.split("/")
    if parts[:3] != ["", "v1", "services"] or len(parts) < 4 or not parts[3]:
        return path, {}
    return "/".join([*parts[:3], "{name}", *parts[4:]]), {"name": parts[3]}
