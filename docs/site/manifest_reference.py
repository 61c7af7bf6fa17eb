"""Every key of the manifest, from its JSON Schema: the same that editors and `mamctl validate` go by."""

from __future__ import annotations

from typing import Any, Final

from tables import code, table

from mamctl.core.manifest import units
from mamctl.core.manifest.schema import schema
from mamctl.core.manifest.shapes import ENV_NAME_PATTERN, INTERPOLATED, NAME_PATTERN, PORT_NAME_PATTERN

Schema = dict[str, Any]
LIST: Final = "list of "
# Every key takes it, and it means that the key is not there; so it is said once, on the page.
NULL: Final = code("null")
# What a pattern means to people.
MEANINGS: Final = {
    units.DURATION_PATTERN: "duration",
    units.SIZE_PATTERN: "size",
    NAME_PATTERN: "name",
    ENV_NAME_PATTERN: "name",
    PORT_NAME_PATTERN: "name",
}
TITLES: Final = {
    "service": "A service", "probe": "A probe", "dependency": "A dependency", "env_file": "An environment file",
    "port_preference": "A preferred port", "hook": "A hook", "smoke_step": "A smoke step",
}  # fmt: skip


def text(found: Schema | None = None) -> str:
    """Return a section for the manifest itself and for each kind of map in it."""
    document: Schema = found or schema()
    parts = [_section("Top level", "top-level", document)]
    for name, definition in document["$defs"].items():
        parts.append(_section(TITLES.get(name, code(name)), f"{name}-keys", definition))
    return "\n".join(parts)


def _section(title: str, anchor: str, definition: Schema) -> str:
    rows = [
        (code(key), takes(value), value.get("description", ""))
        for key, value in definition.get("properties", {}).items()
    ]
    return f"({anchor})=\n## {title}\n\n" + table(("Key", "Takes", "Means"), rows)


def takes(value: Schema) -> str:
    """Return what a key takes: its alternatives in the order of the schema, each said once."""
    found = dict.fromkeys(one for one in _alternatives(value) if one != NULL)
    lists = [one for one in found if one.startswith(LIST)]
    # A list of what may also stand alone: one word for both.
    short = [one for one in lists if all(part in found for part in one.removeprefix(LIST).split(" or "))]
    kept = [one for one in found if one not in short]
    return ", ".join(kept) + (", or a list" if short else "")


def _alternatives(value: Schema) -> list[str]:
    if "anyOf" in value:
        return [word for one in value["anyOf"] if one != INTERPOLATED for word in _alternatives(one)]
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return [f"[{TITLES.get(name, name).lower()}](#{name}-keys)"]
    if "enum" in value:
        return _words(value["enum"])
    if "const" in value:
        return [code(value["const"])]
    return _typed(value)


def _words(words: list[object]) -> list[str]:
    # true as a word is only another spelling of true.
    return [code(str(word).lower()) for word in words]


def _typed(value: Schema) -> list[str]:
    kind = value.get("type")
    if kind == "array":
        return [LIST + " or ".join(dict.fromkeys(_alternatives(value["items"])))]
    if kind == "object":
        return [_map(value)]
    if kind == "null":
        return [NULL]
    if kind == "boolean":
        return [code("true"), code("false")]
    if kind in ("integer", "number"):
        return [_number(value)]
    return _text(value)


def _map(value: Schema) -> str:
    inner = value.get("additionalProperties")
    kinds = [one for one in _alternatives(inner) if one != NULL] if isinstance(inner, dict) and inner else []
    return f"map of {' or '.join(dict.fromkeys(kinds))}" if kinds else "map"


def _number(value: Schema) -> str:
    least, most = value.get("minimum", value.get("exclusiveMinimum")), value.get("maximum")
    if most is None or most > 10**6:
        return "number"
    return f"number from {least:g} to {most:g}"


def _text(value: Schema) -> list[str]:
    kind, pattern = value.get("type"), value.get("pattern")
    if not kind:
        return ["anything"]
    if pattern in MEANINGS:
        return [MEANINGS[pattern]]
    # Digits as text are only another spelling of the number beside them.
    return [] if pattern and pattern.startswith(("^[0-9]", "^-?[0-9]")) else ["text"]


__all__ = ["takes", "text"]
