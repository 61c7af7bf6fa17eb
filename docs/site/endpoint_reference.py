"""Every endpoint of the control API and every record of its answers, from the OpenAPI document."""

from __future__ import annotations

from typing import Any

from tables import code, table

from mamctl.control import server
from mamctl.control.openapi import document

Schema = dict[str, Any]
# The server brings the endpoints, without which the document is empty.
assert server


def text() -> str:
    """Return the endpoints, then the records that they take and give."""
    found = document()
    operations = [
        (method.upper(), path, operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    refusals = {status: told for *_, operation in operations for status, told in _refusals(operation).items()}
    parts = ["## Refusals\n", "Each comes with an [Error](#record-error) as `application/json`.\n"]
    parts.append(table(("Status", "Means"), sorted(refusals.items())))
    parts.append("## Endpoints\n")
    parts += [_operation(*one) for one in sorted(operations, key=lambda one: (one[0], one[1]))]
    parts.append("## Records\n")
    parts += [_record(name, schema) for name, schema in found["components"]["schemas"].items()]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Schema) -> str:
    parts = [f"### {method} {path}\n", operation.get("description") or operation["summary"], ""]
    rows = [(code(one["name"]), one["in"], takes(one["schema"]), one["description"]) for one in operation["parameters"]]
    parts.append(table(("Parameter", "In", "Takes", "Means"), rows))
    if body := operation.get("requestBody"):
        parts.append(f"Body: {_content(body)}.\n")
    refusals = _refusals(operation)
    given = {status: answer for status, answer in operation["responses"].items() if status not in refusals}
    parts += [f"Gives {status}: {_content(answer) or answer['description']}\n" for status, answer in given.items()]
    parts.append(f"Refusals: {', '.join(sorted(refusals))}.\n")
    return "\n".join(parts)


def _refusals(operation: Schema) -> dict[str, str]:
    return {status: told["description"] for status, told in operation["responses"].items() if status >= "400"}


def _content(part: Schema) -> str:
    found = part.get("content", {})
    return ", ".join(f"{takes(one['schema'])} as {code(media)}" for media, one in found.items())


def _record(name: str, schema: Schema) -> str:
    needed = schema.get("required", [])
    rows = [
        (code(key), takes(value), "yes" if key in needed else "", value.get("description", ""))
        for key, value in schema.get("properties", {}).items()
    ]
    about = schema.get("description", "")
    return f"(record-{name.lower()})=\n### {name}\n\n{about}\n\n" + table(("Field", "Is", "Always", "Means"), rows)


def takes(value: Schema) -> str:
    """Return what a parameter or field may be."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#record-{name.lower()})"
    if "anyOf" in value:
        return ", ".join(dict.fromkeys(takes(one) for one in value["anyOf"]))
    if "enum" in value:
        return ", ".join(code(word) for word in value["enum"])
    if "const" in value:
        return code(value["const"])
    return _typed(value)


def _typed(value: Schema) -> str:
    kind = value.get("type", "anything")
    if kind == "array":
        return f"list of {takes(value.get('items', {}))}"
    if kind == "object" and isinstance(inner := value.get("additionalProperties"), dict):
        return f"map of {takes(inner)}"
    default = f", default {code(value['default'])}" if "default" in value else ""
    return (kind if isinstance(kind, str) else " or ".join(kind)) + default
