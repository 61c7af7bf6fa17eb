"""Keys that can be written in several forms: a command, a port, a step of the ladder."""

from __future__ import annotations

import re
from typing import Final

from .containers import Field, ListOf, Record
from .findings import Findings, Invalid, Path, kind_of
from .interpolation import no_reference
from .shapes import (
    FILLED,
    FIXED,
    FLAG,
    INTERPOLATED,
    TEXT,
    WORD,
    Scalar,
    Schema,
    duration,
    one_of,
    whole,
    whole_number,
)
from .watching import Watch
from .wishes import Command, NotifyWish, PortWish, Step, StepKind

_WORDS: Final = ListOf(WORD)
_RANGE: Final = re.compile("[0-9]{1,5}-[0-9]{1,5}")
_PORT_NUMBER: Final = whole(1, 65535)
_COMMAND_HINT: Final = "write [program, argument]"
_PORT_HINT: Final = "write a number from 1 to 65535, auto, {prefer: 5000, fallback: auto}, or a range as 8001-8010"

_WATCH_HINT: Final = 'write watch: [src], or {paths: [src], ignore: ["*.md"], debounce: 300ms}'
_STEP_HINT: Final = "write attach, {run: [...]} or {spawn: {command: [...]}}"

TCP_HINT: Final = "write the name of a port, or host:port, as 127.0.0.1:5432"

PREFERENCE: Final[Record[PortWish]] = Record(
    lambda prefer=None, fallback="auto": PortWish(prefer, fallback=bool(prefer and fallback)),
    {
        "prefer": Field(_PORT_NUMBER, "The number to use when it is free."),
        "fallback": Field(one_of({"auto": "auto"}), "What to do when it is taken: choose a free one."),
    },
    reference="port_preference",
)


DESCRIPTOR: Final[Record[NotifyWish]] = Record(
    NotifyWish,
    {"fd": Field(whole(3, 255), "The descriptor on which it writes a line when it is ready.")},
    reference="notify",
)


class _CommandShape:
    """A list of words, or a string."""

    def read(self, value: object, at: Path, found: Findings) -> Command:
        """Return the words, or the string; neither is empty."""
        if not isinstance(value, str | list):
            raise Invalid(f"must be a list of words or a string, not {kind_of(value)}", _COMMAND_HINT)
        if not value or (isinstance(value, str) and not value.strip()):
            raise Invalid("is empty", _COMMAND_HINT)
        if value[0] == "":
            raise Invalid("has no program", _COMMAND_HINT)
        return TEXT.parse(value) if isinstance(value, str) else _WORDS.read(value, at, found)

    def schema(self) -> Schema:
        """Return the schema of a list or a string."""
        return {"anyOf": [{"type": "string", "minLength": 1}, _WORDS.schema() | {"minItems": 1}]}


class _PortShape:
    """A number, `auto`, a preferred number, or a range of numbers."""

    def read(self, value: object, at: Path, found: Findings) -> PortWish:
        """Return what is wished for."""
        if isinstance(value, dict):
            return PREFERENCE.read(value, at, found)
        if isinstance(value, str):
            no_reference(value)
        if value == "auto":
            return PortWish(None)
        number = whole_number(value)
        if number is None and isinstance(value, str) and _RANGE.fullmatch(value):
            return self._range(value)
        if number is None or not 1 <= number <= 65535:
            raise Invalid(f"{kind_of(value)} is not a port", _PORT_HINT)
        return PortWish(number)

    def _range(self, value: str) -> PortWish:
        first, last = map(int, value.split("-"))
        if not 1 <= first <= last <= 65535:
            raise Invalid(f"{value} is no range of ports", "write the lowest number first, all from 1 to 65535")
        return PortWish(first, fallback=True, last=last)

    def schema(self) -> Schema:
        """Return the schema of the four forms."""
        words: Schema = {"type": "string", "pattern": r"^auto$|^[0-9]{1,20}$|\$\{"}
        ranges: Schema = {"type": "string", "pattern": "^[0-9]{1,5}-[0-9]{1,5}$"}
        return {"anyOf": [_PORT_NUMBER.schema(), words, PREFERENCE.schema(), ranges]}


def _tcp(value: object) -> str:
    """Return whom to connect to; a number alone, which is easily written, does not say which host."""
    if isinstance(value, int | float):
        raise Invalid(f"must be the name of a port or host:port, not {kind_of(value)}", TCP_HINT)
    return FILLED.parse(value)


class _NotifyShape:
    """`true`, or a map with the number of a descriptor."""

    def read(self, value: object, at: Path, found: Findings) -> NotifyWish:
        """Return which way is meant. A descriptor that is missing or cannot be is noted."""
        if not isinstance(value, dict):
            if FLAG.parse(value):
                return NotifyWish()
            raise Invalid("must be true or {fd: 3}", "leave the whole probe out")
        before = len(found.all)
        wish = DESCRIPTOR.read(value, at, found)
        if wish.fd is None and len(found.all) == before:
            raise Invalid("fd is missing", "write true, or {fd: 3}")
        return wish

    def schema(self) -> Schema:
        """Return the schema of both forms."""
        return {"anyOf": [{"enum": [True, "true"]}, DESCRIPTOR.schema(), INTERPOLATED]}


WATCHED: Final[Record[Watch]] = Record(
    Watch,
    {
        "paths": Field(
            ListOf(FIXED), "Files and folders, relative to the manifest. Default: its cwd.", FILLED.schema()
        ),
        "ignore": Field(ListOf(FILLED), "Patterns as .gitignore has them, over the usual ones.", FILLED.schema()),
        "debounce": Field(duration(zero=False), "How long nothing must change before it restarts. Default 300ms."),
    },
    reference="watch",
)
SHORT_WATCH: Final[Schema] = {
    "anyOf": [{"type": "boolean"}, FILLED.schema(), {"type": "array", "items": FILLED.schema()}]
}


class _WatchShape:
    """A map; true, a path and a list were made one before. `false` takes back what is written beneath."""

    def read(self, value: object, at: Path, found: Findings) -> Watch | None:
        """Return what is watched, or None."""
        if value is False:
            return None
        if not isinstance(value, dict):
            raise Invalid(f"must be true, a path, a list of paths or a map, not {kind_of(value)}", _WATCH_HINT)
        return WATCHED.read(value, at, found)

    def schema(self) -> Schema:
        """Return the schema of the map."""
        return WATCHED.schema()


class _StepShape:
    """`attach`, or a map with `run` or `spawn`."""

    def read(self, value: object, at: Path, found: Findings) -> Step:
        """Return the step; the keys of a spawned service are read later, over those that it inherits."""
        if value == "attach":
            return Step(StepKind.ATTACH, {})
        if not isinstance(value, dict) or len(value) != 1:
            raise Invalid(f"{kind_of(value)} is not a step", _STEP_HINT)
        if "run" in value:
            return Step(StepKind.RUN, {}, _command(value["run"], (*at, "run"), found))
        spawn = value.get("spawn")
        if not isinstance(spawn, dict):
            raise Invalid(f"{kind_of(value)} is not a step", _STEP_HINT)
        return Step(StepKind.SPAWN, spawn)

    def schema(self) -> Schema:
        """Return the schema of the three steps."""
        spawn, run = _only("spawn", {"$ref": "#/$defs/service"}), _only("run", COMMAND.schema())
        return {"anyOf": [{"const": "attach"}, spawn, run, INTERPOLATED]}


def _command(value: object, at: Path, found: Findings) -> Command:
    """Return a command that stands beneath a key; what is wrong with it is noted there."""
    try:
        return COMMAND.read(value, at, found)
    except Invalid as invalid:
        found.refuse(at, invalid)
        return ()


def _only(key: str, schema: Schema) -> Schema:
    return {"type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": False}


class _ReleaseShape:
    """`leave`, or a map with `run`."""

    def read(self, value: object, at: Path, found: Findings) -> Command | None:
        """Return the command, None for `leave`."""
        if isinstance(value, dict) and value.keys() == {"run"}:
            return _command(value["run"], (*at, "run"), found)
        if value != "leave":
            raise Invalid(f"must be leave or a map with run, not {kind_of(value)}", "write leave, or {run: [...]}")
        return None

    def schema(self) -> Schema:
        """Return the schema of both forms."""
        return {"anyOf": [{"const": "leave"}, _only("run", COMMAND.schema()), INTERPOLATED]}


COMMAND: Final = _CommandShape()
PORT: Final = _PortShape()
TCP: Final = Scalar(_tcp, FILLED.schema())
NOTIFY: Final = _NotifyShape()
WATCH: Final = _WatchShape()
STEP: Final = _StepShape()
RELEASE: Final = _ReleaseShape()
