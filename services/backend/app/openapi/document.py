"""The OpenAPI 3.1 document, made from the routes and what is said of them in ``operations``."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from starlette.routing import BaseRoute, Route

from services.backend.app import answers

from .examples import EXAMPLES
from .operations import OPERATIONS, Content, Operation
from .parameters import in_path
from .schema import Schema, Schemas

JSON = "application/json"
INTRODUCTION = (
    "The media library: its assets, their search, files, uploads and live updates. Every refusal is"
    " `{error, timestamp, context?}`. Live updates come over the WebSocket `/ws` of the same port, which OpenAPI has no"
    " words for; `GET /events` tells the same. Without the prefix there are `/thumbnails/<name>.jpg`, `/live` and"
    " `/ready`."
)
MEANINGS = {
    200: "Done.", 201: "It is new.", 202: "It is noted; the work comes later.", 204: "Done.",
    206: "The part, or the parts, that were asked for.", 304: "The client has this already.",
    400: "A value cannot be understood; the sentence says what is allowed.",
    401: "API_TOKEN is set, and the request does not carry it.",
    403: "From a page of another origin.",
    404: "There is no such thing.",
    409: "It does not go with how things are now.",
    410: "What this went on with is gone; begin anew.",
    412: "It was changed meanwhile, or the protocol's version is another one.",
    413: "The body is too large.",
    415: "The body is of another type than it has to be.",
    416: "No such range.",
    421: "The Host header names another server.",
    429: "Too much at once; Retry-After says when to come back.",
    460: "The bytes do not match their checksum.",
    500: "A fault here; the log says more.",
    503: "The database is busy or away.",
    507: "The disk is full.",
}  # fmt: skip
ALWAYS = (400, 401, 421, 500, 503)
READING = frozenset({"GET", "HEAD", "OPTIONS"})
UNDOCUMENTED = frozenset({"/ws", "/thumbnails/{name}", "/live", "/ready"})


@dataclass(frozen=True, slots=True)
class Address:
    """One method of one route; ``path`` is without the prefix, with ``{names}``."""

    method: str
    path: str
    name: str
    purpose: str

    @property
    def key(self) -> str:
        """As ``operations`` names it."""
        return f"{self.method} {self.path}"


def document(flask: Flask, routes: Iterable[BaseRoute], prefix: str, *, needs_token: bool) -> Schema:
    """Return the document; raises KeyError when a route has no operation, or an operation no route."""
    found = {address.key: address for address in [*_of_flask(flask, prefix), *_of_starlette(routes, prefix)]}
    strange = found.keys() ^ OPERATIONS.keys()
    if strange:
        raise KeyError(f"routes and operations differ: {', '.join(sorted(strange))}")
    schemas = Schemas()
    paths: dict[str, Schema] = {}
    for key, operation in OPERATIONS.items():
        paths.setdefault(found[key].path, {})[found[key].method.lower()] = _described(found[key], operation, schemas)
    for name, example in EXAMPLES.items():
        schemas.components[name]["examples"] = [example]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Media library", "version": "1", "description": INTRODUCTION},
        "servers": [{"url": prefix}],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SECURITY},
        "security": [{"bearer": []}, {"cookie": []}] if needs_token else [],
    }


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "API_TOKEN, where it is set."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "mam_token", "description": "What POST /session sets."},
}


def _of_flask(flask: Flask, prefix: str) -> Iterator[Address]:
    for rule in flask.url_map.iter_rules():
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule.removeprefix(prefix))
        if path.endswith("/"):
            continue  # the same with a slash at its end
        view = flask.view_functions[rule.endpoint]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield Address(method, path, view.__name__, view.__doc__ or "")


def _of_starlette(routes: Iterable[BaseRoute], prefix: str) -> Iterator[Address]:
    for route in routes:
        if not isinstance(route, Route) or route.path in UNDOCUMENTED:
            continue
        path = re.sub(r"{([a-z_]+):[a-z]+}", r"{\1}", route.path.removeprefix(prefix))
        for method in route.methods or set():
            if method != "HEAD" or f"HEAD {path}" in OPERATIONS:
                yield Address(method, path, route.endpoint.__name__, route.endpoint.__doc__ or "")


def _described(address: Address, operation: Operation, schemas: Schemas) -> Schema:
    lines = re.sub(r"``", "`", address.purpose).split("\n\n")
    described: Schema = {
        "operationId": f"{address.name}_{address.method.lower()}" if address.method == "HEAD" else address.name,
        "tags": [operation.group],
        "summary": _joined(lines[0]),
        "parameters": [*map(in_path, re.findall(r"{([a-z_]+)}", address.path)), *operation.parameters],
        "responses": dict(_responses(address, operation, schemas)),
    }
    if lines[1:]:
        described["description"] = " ".join(map(_joined, lines[1:]))
    if operation.body is not None:
        described["requestBody"] = operation.body
    return described


def _joined(text: str) -> str:
    return " ".join(text.split())


def _responses(address: Address, operation: Operation, schemas: Schemas) -> Iterator[tuple[str, Schema]]:
    refused = {*ALWAYS, *operation.refuses, *(() if address.method in READING else (403,))}
    for status in sorted({*operation.gives, *refused}):
        response: Schema = {"description": MEANINGS[status]}
        if status in operation.gives:
            response |= _good(operation, operation.gives[status], schemas)
        elif address.method != "HEAD":
            response["content"] = {JSON: {"schema": schemas.of(answers.Error)}}
        if status == 429:
            response["headers"] = _headers(("Retry-After",))
        yield str(status), response


def _good(operation: Operation, gives: Any, schemas: Schemas) -> Schema:
    made: Schema = {"headers": _headers(operation.headers)} if operation.headers else {}
    if isinstance(gives, Content):
        return made | {"content": {gives.media: {"schema": gives.schema}}}
    return made | ({"content": {JSON: {"schema": schemas.of(gives)}}} if gives is not None else {})


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"schema": {"type": "string"}} for name in names}
