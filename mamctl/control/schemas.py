"""JSON Schema of the types of requests and answers, for the OpenAPI document."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

from mamctl.control.arguments import Between, SignalName, Span
from mamctl.control.reading import slots_of, unwrap
from mamctl.core.manifest import units
from mamctl.core.manifest.signals import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]
_PLAIN: Final[dict[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
    Any: {},
}


class Schemas:
    """Makes schemas; records become definitions of their own, which are collected in `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, hint: Any, *, text: bool = False) -> Schema:
        """Return the schema of a type. `text`: of how it is written in a query."""
        bare, rules = unwrap(hint)
        schema = self._ruled(rules, text=text) or self._bare(bare, text=text)
        if NoneType in get_args(_without_notes(hint)) and not text:
            schema = {"anyOf": [schema, {"type": "null"}]}
        about = [rule for rule in rules if isinstance(rule, str)]
        return {**schema, "description": about[0]} if about else schema

    def _ruled(self, rules: Iterable[object], *, text: bool) -> Schema | None:
        for rule in rules:
            match rule:
                case Span(most=most):
                    written = {"type": "string", "pattern": units.DURATION_PATTERN}
                    return written if text else {"anyOf": [{"type": "number", "minimum": 0, "maximum": most}, written]}
                case Between(least=least, most=most):
                    return {"type": "integer", "minimum": least, "maximum": most}
                case SignalName():
                    words = [*NUMBERS, *(f"SIG{name}" for name in NUMBERS)]
                    return {"anyOf": [{"enum": words}, {"type": "integer", "minimum": 1, "maximum": 64}]}
        return None

    def _bare(self, hint: Any, *, text: bool) -> Schema:
        origin, inner = get_origin(hint), get_args(hint)
        if origin is Literal:
            return {"type": "string", "enum": list(inner)}
        if origin in (list, tuple):
            return {"type": "string"} if text else {"type": "array", "items": self.of(inner[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        if is_typeddict(hint) or _is_body(hint):
            return self._record(hint)
        if inner:
            return {"anyOf": [self.of(one) for one in inner]}
        return dict(_PLAIN[hint])

    def _record(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # it is known from here on, should it lead to itself
            self.definitions[name] = self._body(kind) if _is_body(kind) else self._answer(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _answer(self, kind: Any) -> Schema:
        """Return the schema of an answer, which may have more than is known today."""
        hints = get_type_hints(kind, include_extras=True)
        may_lack = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
        bare = {name: get_args(hint)[0] if name in may_lack else hint for name, hint in hints.items()}
        return {
            "type": "object",
            **_about(kind),
            "properties": {name: self.of(hint) for name, hint in bare.items()},
            "required": [name for name in hints if name not in may_lack],
        }

    def _body(self, kind: Any) -> Schema:
        """Return the schema of a body, which may have nothing else."""
        slots = slots_of(kind, text=False)
        properties = {
            name: {
                **self._nullable(slot.hint, null=not slot.required),
                **_default(kind._field_defaults, slot.attribute),
            }
            for name, slot in slots.items()
        }
        required = [name for name, slot in slots.items() if slot.required]
        return {
            "type": "object",
            **_about(kind),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def _nullable(self, hint: Any, *, null: bool) -> Schema:
        """Return the schema of a body's value; null says that it is not there."""
        schema = self.of(hint)
        if not null or NoneType in get_args(_without_notes(hint)):
            return schema
        about = {"description": schema.pop("description")} if "description" in schema else {}
        return {"anyOf": [schema, {"type": "null"}], **about}


def _is_body(kind: Any) -> bool:
    return hasattr(kind, "_field_defaults")


def _without_notes(hint: Any) -> Any:
    """Return a type without what is noted beside it, with its `| None`."""
    while hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    return hint


def _about(kind: Any) -> Schema:
    return {"description": kind.__doc__} if kind.__doc__ else {}


def _default(defaults: dict[str, Any], name: str) -> Schema:
    value = defaults.get(name)
    if value is None:
        return {}
    return {"default": list(value) if isinstance(value, tuple) else value}
