"""The document as a page: no script, nothing from elsewhere, so the strictest policy holds for it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from .schema import Schema

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
html { background: light-dark(#fff, #14161b); color: light-dark(#1a1c22, #e6e8ee) }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
summary { cursor: pointer; padding: .4rem; border-radius: .4rem }
summary:hover { background: light-dark(#eef1f6, #23262e) }
summary:focus-visible, a:focus-visible { outline: 2px solid light-dark(#1f5fbf, #8ab8ff) }
summary b { display: inline-block; min-width: 5rem }
a { color: light-dark(#1f5fbf, #8ab8ff) }
h2 { margin-top: 2rem }
details > div { padding: 0 1rem 1rem; margin-left: .5rem; border-left: 2px solid light-dark(#c8cfdb, #3a3f4b) }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; font-weight: 600; padding-top: .8rem }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0 }
pre { white-space: pre-wrap; margin: 0 }
"""
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)


def page(document: Schema) -> str:
    """Return the HTML."""
    return "".join(_page(document))


def _page(document: Schema) -> Iterator[str]:
    info = document["info"]
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
    yield '<meta name="viewport" content="width=device-width"><style>' + STYLE + "</style></head><body><main>"
    yield f"<h1>{escape(info['title'])} API</h1><p>{_text(info['description'])}</p>"
    prefix = document["servers"][0]["url"]
    yield f"<p>All addresses begin with <code>{escape(prefix)}</code>."
    yield ' <a href="openapi.json">The OpenAPI document</a></p>'
    for group, operations in _grouped(document).items():
        yield f"<h2>{escape(group)}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield "<h2>Types</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from _type(name, schema)
    yield "</main></body></html>"


def _grouped(document: Schema) -> dict[str, list[tuple[str, str, Schema]]]:
    groups: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return groups


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f'<details id="{escape(operation["operationId"])}"><summary><b>{method}</b> <code>{escape(path)}</code>'
    yield f" {_text(operation['summary'])}</summary><div>"
    if "description" in operation:
        yield f"<p>{_text(operation['description'])}</p>"
    if operation["parameters"]:
        rows = [
            (f"{one['name']} ({one['in']})", _shape(one["schema"]), one.get("description", ""))
            for one in operation["parameters"]
        ]
        yield _table("Parameters", rows)
    if "requestBody" in operation:
        rows = [
            (media, _shape(one["schema"]), _example(one)) for media, one in operation["requestBody"]["content"].items()
        ]
        yield _table("Body", rows)
    yield _table("Answers", [_answer(status, one) for status, one in operation["responses"].items()])
    yield "</div></details>"


def _answer(status: str, response: Schema) -> tuple[str, str, str]:
    content = response.get("content", {})
    shapes = [media if media != "application/json" else _shape(one["schema"]) for media, one in content.items()]
    return status, " ".join(shapes), response["description"]


def _type(name: str, schema: Schema) -> Iterator[str]:
    yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code>'
    yield f" {_text(schema['description'])}</summary><div>"
    needed = set(schema["required"])
    rows = [
        (member if member in needed else f"{member} (may be absent)", _shape(one), one.get("description", ""))
        for member, one in schema["properties"].items()
    ]
    yield _table("Members", rows)
    for example in schema.get("examples", []):
        yield f"<p>Example</p><pre>{escape(json.dumps(example, indent=2))}</pre>"
    yield "</div></details>"


def _table(caption: str, rows: list[tuple[str, str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(shape)}</td><td>{_text(about)}</td></tr>'
        for name, shape, about in rows
    )
    return f"<table><caption>{caption}</caption><tbody>{lines}</tbody></table>"


def _shape(schema: Schema) -> str:
    """Say in a few words what a value is."""
    match schema:
        case {"$ref": reference}:
            shape = str(reference).rpartition("/")[2]
        case {"enum": words}:
            shape = " | ".join(map(str, words))
        case {"anyOf": members}:
            shape = " or ".join(map(_shape, members))
        case {"type": "array", "items": items}:
            shape = f"list of {_shape(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            shape = f"object of {_shape(values)}"
        case {"type": "object", "properties": members}:
            shape = "{" + ", ".join(f"{name}: {_shape(one)}" for name, one in members.items()) + "}"
        case _:
            shape = _plain(schema)
    return shape


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "anything")
    word = " or ".join(kind) if isinstance(kind, list) else str(schema.get("format", kind))
    least, most = schema.get("minimum"), schema.get("maximum")
    bounds = "" if least is None or most is None or most >= 2**53 else f" {least} to {most}"
    length = f" of at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    default = f", else {schema['default']}" if "default" in schema else ""
    return word + bounds + length + default


def _example(content: Any) -> str:
    return f"For example `{json.dumps(content['example'])}`" if "example" in content else ""


def _text(text: str) -> str:
    """Return text with `code` marked."""
    pieces = escape(text).split("`")
    return "".join(piece if at % 2 == 0 else f"<code>{piece}</code>" for at, piece in enumerate(pieces))
