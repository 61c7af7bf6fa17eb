"""The OpenAPI 3.1 document, made from the endpoints' own types when it is asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mamctl.control import answers, arguments, routes, streams  # noqa: F401 - the last two fill the table
from mamctl.control.attaching import PATH as ATTACH
from mamctl.control.endpoint import JSON, TABLE, Endpoint
from mamctl.control.frames import PROTOCOL
from mamctl.control.reading import slots_of
from mamctl.control.schemas import Schema, Schemas
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTRODUCTION: Final = (
    "How a running mamctl stack is asked and told. Over the Unix socket `.mamctl/control.sock` the kernel says who may;"
    " over TCP (the manifest's key `control`) every request shows the token."
)
# What any request can get, and what only some can.
_ALWAYS: Final = (400, 401, 403, 404, 405, 413, 415, 503)
_CHANGES: Final = (409,)
_MEANINGS: Final = {
    400: "The request cannot be understood, or the manifest is wrong.",
    401: "Over TCP: no token, or a wrong one.",
    403: "Over TCP: from a web page of somebody else, or for a terminal.",
    404: "No such path, or no such service.",
    405: "The path takes other methods; see Allow.",
    409: "It does not go with how things are now, or the request's id stands for another one.",
    413: "The body is larger than a mebibyte.",
    415: "The body is no JSON.",
    503: "It could not be done, or the supervisor is leaving.",
}


@cache
def document() -> Schema:
    """Return the document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for found in TABLE.all:
        path = paths.setdefault(found.path, {})
        operation = _operation(found, schemas)
        if before := path.get(found.method.lower()):
            # Another form of the same answer, by Accept.
            before["responses"]["200"]["content"] |= operation["responses"]["200"]["content"]
            before["description"] = f"{before['summary']} As {found.media}: {operation['summary']}"
        else:
            path[found.method.lower()] = operation
    paths["/v1/events"]["get"]["parameters"].append(_last_event_id())
    _upgraded(paths[ATTACH]["post"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "mamctl", "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {"Error": {}, **schemas.definitions},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Over TCP only."}},
        },
        "security": [{"token": []}],
    }


def _upgraded(operation: Schema) -> None:
    """Say what is special about the one operation that leaves HTTP."""
    about = "Needed, with Connection: Upgrade; the frames that follow are described in the documentation."
    header = {"name": "Upgrade", "in": "header", "description": about, "schema": {"const": PROTOCOL}}
    operation["parameters"] = [one for one in operation["parameters"] if one["in"] != "header"] + [header]
    responses = operation["responses"]
    refusal = {**responses["409"], "description": "The request asks for no upgrade."}
    operation["responses"] = {"101": {"description": "From now on frames go both ways."}, **responses, "426": refusal}
    del operation["responses"]["200"]


def _operation(found: Endpoint, schemas: Schemas) -> Schema:
    hints = found.answer.__annotations__
    operation: Schema = {
        "operationId": found.answer.__name__,
        "summary": (found.answer.__doc__ or "").strip(),
        "parameters": [*_path(found.path), *_query(hints.get("query"), schemas), *_request_id(found.method)],
        "responses": {"200": _good(found, hints["return"], schemas), **_refusals(found, schemas)},
    }
    if "body" in hints:
        kind = getattr(arguments, hints["body"])
        required = any(slot.required for slot in slots_of(kind, text=False).values())
        operation["requestBody"] = {"required": required, "content": {JSON: {"schema": schemas.of(kind)}}}
    return operation


def _good(found: Endpoint, hint: str, schemas: Schemas) -> Schema:
    kind = getattr(answers, hint.removeprefix("answers."), None)
    schema = schemas.of(kind) if kind else {"type": "object" if found.media == JSON else "string"}
    return {"description": "Done.", "content": {found.media: {"schema": schema}}}


def _refusals(found: Endpoint, schemas: Schemas) -> Schema:
    statuses: Sequence[int] = (*_ALWAYS, *(_CHANGES if found.method != "GET" else ()))
    content = {JSON: {"schema": schemas.of(answers.Error)}}
    return {str(status): {"description": _MEANINGS[status], "content": content} for status in sorted(statuses)}


def _path(path: str) -> list[Schema]:
    if "{name}" not in path:
        return []
    about = "A service's name; a glob means all that match, except where one row is asked for."
    return [
        {
            "name": "name", "in": "path", "required": True, "description": about,
            "schema": {"type": "string", "minLength": 1},
        }
    ]  # fmt: skip


def _query(name: str | None, schemas: Schemas) -> list[Schema]:
    if name is None:
        return []
    kind = getattr(arguments, name)
    defaults = {name: value for name, value in kind._field_defaults.items() if value not in (None, ())}
    return [_parameter(slot, defaults, schemas) for slot in slots_of(kind, text=True).values()]


def _parameter(slot: Any, defaults: dict[str, Any], schemas: Schemas) -> Schema:
    schema = schemas.of(slot.hint, text=True)
    about = schema.pop("description", "")
    if slot.attribute in defaults:
        value = defaults[slot.attribute]
        schema["default"] = f"{value:g}s" if isinstance(value, float) else value
    return {"name": slot.name, "in": "query", "required": slot.required, "description": about, "schema": schema}


def _request_id(method: str) -> list[Schema]:
    if method == "GET":
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    about = "A change that is repeated with the same id is made once, and answered as before; also by a new supervisor."
    return [{"name": "X-Request-Id", "in": "header", "description": about, "schema": schema}]


def _last_event_id() -> Schema:
    about = "As text/event-stream: the number of the last event that was seen; counts more than `since`."
    schema = {"type": "integer", "minimum": 0, "maximum": arguments.LARGEST_NUMBER}
    return {"name": "Last-Event-ID", "in": "header", "description": about, "schema": schema}
