"""From the values of a request to the record that its endpoint takes; what does not fit is refused with a hint."""

from __future__ import annotations

from functools import cache, partial
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from mamctl.control.arguments import Between, SignalName, Span
from mamctl.control.protocol import Refusal
from mamctl.core.manifest import units
from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.nearest import did_you_mean
from mamctl.core.manifest.signals import signal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}


class Slot(NamedTuple):
    """One value of a record: the name in the request and in the record, how it is read, whether it must be there.

    `hint` is the whole type, for the document.
    """

    name: str
    attribute: str
    read: Callable[[object], object]
    required: bool
    hint: Any


def read_body(kind: type[T], body: Mapping[str, object]) -> T:
    """Return the record of a JSON body; null means that the value is not there. Raises Refusal."""
    return _record(kind, {name: value for name, value in body.items() if value is not None}, body, text=False)


def read_query(kind: type[T], query: Mapping[str, str]) -> T:
    """Return the record of a query. Raises Refusal."""
    return _record(kind, query, query, text=True)


def refuse_unknown(given: Mapping[str, object], known: Mapping[str, object], what: str) -> None:
    """Raise Refusal for a name that is not among the known ones, with the nearest of them."""
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) if known else f"it takes no {what} at all"
            raise Refusal(400, f"unknown_{what}", f"unknown {what}: {name[:100]}", hint)


def slots_of(kind: Any, *, text: bool) -> dict[str, Slot]:
    """Return what a record is made of, by the names that requests have. `text`: the values come as text."""
    return _slots(kind, text)


@cache
def _slots(kind: Any, text: bool) -> dict[str, Slot]:  # noqa: FBT001 - `cache` wants plain arguments
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for attribute in kind._fields:
        name = attribute.removesuffix("_")
        read = partial(_reader(hints[attribute], text=text), name)
        required = attribute not in kind._field_defaults
        found[name] = Slot(name, attribute, read, required, hints[attribute])
    return found


def _record(kind: type[T], values: Mapping[str, object], given: Mapping[str, object], *, text: bool) -> T:
    slots = slots_of(kind, text=text)
    refuse_unknown(given, slots, "parameter" if text else "field")
    for slot in slots.values():
        if slot.required and slot.name not in values:
            raise _wrong(f"{slot.name} is missing")
    return kind(**{slots[name].attribute: slots[name].read(value) for name, value in values.items()})


def _reader(hint: Any, *, text: bool) -> Callable[[str, object], object]:
    """Return what reads a value of a type: (its name, the value)."""
    hint, rules = unwrap(hint)
    for rule in rules:
        if isinstance(rule, Span):
            return partial(_span, rule)
        if isinstance(rule, Between):
            return partial(_text_number if text else _number, rule)
        if isinstance(rule, SignalName):
            return _signal
    if get_origin(hint) is Literal:
        return partial(_word, get_args(hint))
    if get_origin(hint) is dict:
        return partial(_map, _reader(get_args(hint)[1], text=text))
    return _BARE.get((hint, text)) or (_text_names if text else _names)


def unwrap(hint: Any) -> tuple[Any, list[Any]]:
    """Return a type without Annotated and without `| None`, and what was noted beside it, the outermost first."""
    rules: list[Any] = []
    while True:
        if get_origin(hint) is Annotated:
            hint, *noted = get_args(hint)
            rules += noted
        elif len(rest := [one for one in get_args(hint) if one is not NoneType]) == 1 != len(get_args(hint)):
            hint = rest[0]
        else:
            return hint, rules


def _wrong(message: str, hint: str | None = None) -> Refusal:
    return Refusal(400, "bad_request", message, hint)


def _span(rule: Span, name: str, value: object) -> float:
    try:
        number = units.seconds(value)
    except Invalid:
        number = -1.0
    if not 0 <= number <= rule.most:
        raise _wrong(f"{name} must be a duration", f"500ms, 2s, 5m, 1h or a number of seconds, up to {rule.most:g} s")
    return number


def _number(rule: Between, name: str, value: object) -> int:
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, int) or not rule.least <= value <= rule.most:
        raise _wrong(f"{name} must be a whole number from {rule.least} to {rule.most}")
    return value


def _whole(value: object) -> object:
    """Return 3 for 3.0: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text_number(rule: Between, name: str, value: object) -> int:
    text = str(value)
    digits = text.isascii() and text.isdigit() and len(text) <= 20
    return _number(rule, name, int(text) if digits else None)


def _signal(name: str, value: object) -> int:
    try:
        return signal_number(_whole(value))
    except Invalid as error:
        raise _wrong(f"{name}: {error.message}", error.hint) from None


def _word(words: tuple[str, ...], name: str, value: object) -> str:
    if value not in words:
        raise _wrong(f"{name} must be one of {', '.join(words)}")
    return str(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(f"{name} must be true or false")
    return value


def _text_flag(name: str, value: object) -> bool:
    return _flag(name, _FLAGS.get(str(value)))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{name} must be a text")
    return value


def _names(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise _wrong(f"{name} must be a list of names")
    return tuple(value)


def _map(read: Callable[[str, object], object], name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _wrong(f"{name} must be an object")
    return {key: read(f"{name}.{key[:100]}", entry) for key, entry in value.items()}


def _text_names(_name: str, value: object) -> tuple[str, ...]:
    return tuple(part for part in str(value).split(",") if part)


_BARE: Final[Mapping[tuple[object, bool], Callable[[str, object], object]]] = {
    (bool, False): _flag,
    (bool, True): _text_flag,
    (str, False): _text,
    (str, True): _text,
}
