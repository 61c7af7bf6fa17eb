"""From a Python type to JSON Schema (2020-12, which OpenAPI 3.1 has)."""

import dataclasses
import types
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


class Schemas:
    """Makes schemas, and collects those of named types."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """Return the schema of a type; a TypedDict or dataclass becomes a reference to a component."""
        if isinstance(hint, type) and hint in _PLAIN:
            return {"type": _PLAIN[hint]}
        if hint is Any:
            return {}
        if is_typeddict(hint) or dataclasses.is_dataclass(hint):
            return self._reference(hint)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return {"type": "string", "enum": [member.value for member in hint]}
        return self._generic(get_origin(hint), get_args(hint))

    def _generic(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:
        if origin is Annotated:
            return self._noted(arguments[0], arguments[1:])
        if origin is NotRequired:
            return self.of(arguments[0])
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in {Union, types.UnionType}:
            return _either([self.of(member) for member in arguments])
        if origin in {list, tuple}:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        raise TypeError(f"no schema for {origin!r}")

    def _noted(self, hint: Any, notes: Iterable[Any]) -> Schema:
        schema = self.of(hint)
        for note in notes:
            schema |= {"description": note} if isinstance(note, str) else note
        return schema

    def _reference(self, hint: type) -> Schema:
        name = hint.__name__
        if name not in self.components:
            self.components[name] = {}  # a type that names itself ends here
            self.components[name] = self._object(hint)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, hint: type) -> Schema:
        hints = get_type_hints(hint, include_extras=True)
        required = getattr(hint, "__required_keys__", hints.keys())
        return {
            "type": "object",
            "description": (hint.__doc__ or "").replace("``", "`"),
            "properties": {name: self.of(member) for name, member in hints.items()},
            "required": [name for name in hints if name in required],
        }


def _either(members: list[Schema]) -> Schema:
    if all(member.keys() == {"type"} for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}
