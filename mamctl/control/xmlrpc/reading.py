"""Method calls as they come: XML from anybody who has the token, so it is read with suspicion.

A document type is refused before anything else: without one there are no entities, and nothing that grows when it is
read. Size, depth and number of values have bounds. Only what a method call may hold is taken; the standard library's
own reader takes more, and fails in ways of its own. (defusedxml guards that reader in the same way, and brings no
bounds.)
"""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST: Final = 1 << 18
DEEPEST: Final = 24
MOST_ELEMENTS: Final = 20_000
LONGEST_NUMBER: Final = 40


class Unreadable(ValueError):
    """What came is no method call; the message says why."""


class Call(NamedTuple):
    """A method and what it is called with."""

    method: str
    params: list[Any]


def read_call(data: bytes) -> Call:
    """Return the call that a body holds. Raises Unreadable."""
    if len(data) > LARGEST:
        raise Unreadable(f"a call may have at most {LARGEST} bytes")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)  # noqa: FBT003 - expat's own signature
    except expat.ExpatError as error:
        raise Unreadable(f"this is not well-formed XML: {error}") from None
    except Unreadable:
        raise
    except (LookupError, ValueError):
        raise Unreadable("this is in an encoding that is not read here") from None
    return reader.call()


class _Element:
    """An element that is not closed yet: its text so far, and the values in it."""

    __slots__ = ("name", "text", "values")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text: list[str] = []
        self.values: list[Any] = []


class _Name(str):
    """The name of a struct's member, which no value can be taken for."""

    __slots__ = ()


class _Reader:
    """Builds values from the inside out. `_IN` says what each element may lie in."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        self._open: list[_Element] = []
        self._count = 0
        self._method: str | None = None
        self._params: list[Any] | None = None

    def call(self) -> Call:
        """Return what was read."""
        method = (self._method or "").strip()
        if not method:
            raise Unreadable("there is no methodName")
        return Call(method, self._params or [])

    def _begin(self, name: str, _attributes: object) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) >= DEEPEST:
            raise Unreadable(f"a call may have {MOST_ELEMENTS} elements, {DEEPEST} deep")
        around = self._open[-1].name if self._open else ""
        if around not in _IN.get(name, ()):
            raise Unreadable(f"<{name[:40]}> cannot be {f'in <{around}>' if around else 'the outermost element'}")
        self._open.append(_Element(name))

    def _take(self, text: str) -> None:
        if self._open:
            self._open[-1].text.append(text)

    def _end(self, name: str) -> None:
        done = self._open.pop()
        text = "".join(done.text)
        match name:
            case "methodName":
                self._method = text
            case "params":
                self._params = done.values
            case "methodCall":
                pass
            case _:
                self._open[-1].values.append(_value(done, text))


def _value(done: _Element, text: str) -> Any:
    if done.name == "name":
        return _Name(text)
    # A value without a type is a string.
    if done.name == "value" and not done.values:
        return text
    maker = _MAKERS.get(done.name)
    return maker(done) if maker else _scalar(done.name, text)


def _only(done: _Element) -> Any:
    if len(done.values) != 1:
        raise Unreadable(f"<{done.name}> holds one thing, not {len(done.values)}")
    return done.values[0]


def _member(done: _Element) -> tuple[str, Any]:
    if [isinstance(value, _Name) for value in done.values] != [True, False]:
        raise Unreadable("<member> holds a name and a value")
    return str(done.values[0]), done.values[1]


def _scalar(kind: str, text: str) -> Any:
    try:
        return _SCALARS[kind](text)
    except (ValueError, OverflowError):
        raise Unreadable(f"{text[:40]!r} is no {kind}") from None


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(text)
    return int(text)


def _double(text: str) -> float:
    number = float(text[: LONGEST_NUMBER * 10])
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text.strip() not in ("0", "1"):
        raise ValueError(text)
    return text.strip() == "1"


def _base64(text: str) -> str:
    """Return it as text, as supervisord does: nobody sends anything else here."""
    return binascii.a2b_base64("".join(text.split()), strict_mode=True).decode()


def _refuse_doctype(*_: object) -> None:
    raise Unreadable("a document type is not read")


_MAKERS: Final[dict[str, Callable[[_Element], Any]]] = {
    "value": _only,
    "param": _only,
    "array": _only,
    "data": lambda done: done.values,
    "member": _member,
    "struct": lambda done: dict(done.values),
}
_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "int": _int,
    "i4": _int,
    "boolean": _boolean,
    "string": str,
    "double": _double,
    "base64": _base64,
    "dateTime.iso8601": str,
}
_IN: Final[dict[str, tuple[str, ...]]] = {
    "methodCall": ("",),
    "methodName": ("methodCall",),
    "params": ("methodCall",),
    "param": ("params",),
    "value": ("param", "data", "member"),
    "array": ("value",),
    "data": ("array",),
    "struct": ("value",),
    "member": ("struct",),
    "name": ("member",),
    **dict.fromkeys(_SCALARS, ("value",)),
}
