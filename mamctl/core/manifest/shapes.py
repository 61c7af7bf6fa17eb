"""What a value of the manifest may look like.

Each shape does two things from one description: `read` turns a value into what the model holds, and `schema` says the
same to editors as JSON Schema. That is why the parser and the schema cannot disagree. `read` raises `Invalid` when the
whole value is unusable; containers note what is wrong inside and go on, so that all problems are reported at once.

Whatever is not text may also be written as text with `${}` in it, hence the `anyOf` in the schemas.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from . import units
from .findings import Findings, Invalid, Path, kind_of
from .interpolation import no_reference
from .nearest import nearest
from .signals import signal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Schema = dict[str, object]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=StrEnum)

NAME_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
ENV_NAME_PATTERN: Final = "^[^=\\u0000]+$"
PORT_NAME_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_-]{0,31}$"
INTERPOLATED: Final[Schema] = {"type": "string", "pattern": r"\$\{"}


class Shape(Protocol[T_co]):
    """A description of values: how one is read, and how editors are told."""

    def read(self, value: object, at: Path, found: Findings) -> T_co:
        """Return what `value` means. Raises `Invalid`, and notes in `found` what is wrong inside."""

    def schema(self) -> Schema:
        """Return the JSON Schema of the values that `read` takes."""


class WrittenInt(int):
    """A whole number that keeps how it was written: 007."""

    text: str


class WrittenFloat(float):
    """A number that keeps how it was written: 1.10."""

    text: str


class Scalar(Generic[T]):
    """A value without parts, read by one function."""

    def __init__(self, parse: Callable[[object], T], *schemas: Schema) -> None:
        self.parse = parse
        self.schemas = schemas

    def read(self, value: object, at: Path, found: Findings) -> T:  # noqa: ARG002 - the protocol's parameters
        """Return what the value means. Raises `Invalid`."""
        return self.parse(value)

    def schema(self) -> Schema:
        """Return the one schema, or the choice between several."""
        return dict(self.schemas[0]) if len(self.schemas) == 1 else {"anyOf": list(self.schemas)}


def text(value: object) -> str:
    """Return a string. Raises `Invalid` also for what no file name or environment can hold."""
    if not isinstance(value, str):
        raise Invalid(f"must be text, not {kind_of(value)}")
    return _holdable(value)


def word(value: object) -> str:
    """Return a string, or a number or truth value as it was written."""
    if isinstance(value, str):
        return _holdable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return getattr(value, "text", None) or kind_of(value)
    raise Invalid(f"must be text or a number, not {kind_of(value)}")


def _holdable(value: str) -> str:
    if "\0" in value:
        raise Invalid("holds a NUL byte", "no command, path or environment can hold one")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Invalid("holds half of a surrogate pair", "write the character itself")
    return value


def filled(value: object) -> str:
    """Return a string that is not empty."""
    result = text(value)
    if not result.strip():
        raise Invalid("is empty")
    return result


def fixed(value: object) -> str:
    """Return a string that is not empty and is known before ports are chosen."""
    return no_reference(filled(value))


def host(value: object) -> str:
    """Return the name or address of a host."""
    result = fixed(value)
    if any(letter.isspace() or letter in "/@[]" for letter in result):
        raise Invalid(f"{result!r} is not a host", "write 127.0.0.1, ::1, 0.0.0.0 or localhost")
    return result


def name(value: object) -> str:
    """Return the name of a service, a project or a profile."""
    result = no_reference(text(value))
    if not is_name(result):
        raise Invalid(f"{result!r} is not a name", NAME_HINT)
    return result


NAME_HINT: Final = "use letters, digits, _ . and -, beginning with a letter or digit, at most 63"


def is_name(word_: str) -> bool:
    """Tell whether a text can be the name of a service."""
    rest = word_.replace("-", "").replace("_", "").replace(".", "")
    return 1 <= len(word_) <= 63 and word_.isascii() and rest.isalnum() and word_[0].isalnum()


def is_port_name(word_: str) -> bool:
    """Tell whether a text can be the name of a port."""
    rest = word_.replace("-", "").replace("_", "")
    return 1 <= len(word_) <= 32 and word_.isascii() and rest.isalnum() and word_[0].isalpha()


def is_env_name(word_: str) -> bool:
    """Tell whether a text can be the name of an environment variable."""
    return bool(word_) and "=" not in word_ and word_.isprintable()


def flag(value: object) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Invalid(f"must be true or false, not {kind_of(value)}")


def whole(minimum: int, maximum: int) -> Scalar[int]:
    """Return the shape of a whole number between two bounds."""

    def parse(value: object) -> int:
        number = whole_number(value)
        if number is None or not minimum <= number <= maximum:
            raise Invalid(f"must be a whole number from {minimum} to {maximum}, not {kind_of(value)}")
        return number

    written = _digits(minimum, maximum)
    return Scalar(parse, {"type": "integer", "minimum": minimum, "maximum": maximum}, written, INTERPOLATED)


def whole_number(value: object) -> int | None:
    """Return a whole number, also from digits as `${}` gives them, or None."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return int(value[:20]) if digits.isascii() and digits.isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return int(value)


def _digits(minimum: int, maximum: int) -> Schema:
    sign = "-?" if minimum < 0 else ""
    return {"type": "string", "pattern": f"^{sign}[0-9]{{1,{max(20, len(str(maximum)))}}}$"}


def real(minimum: float, maximum: float) -> Scalar[float]:
    """Return the shape of a number between two bounds."""

    def parse(value: object) -> float:
        number = _real_number(value)
        if number is None or not minimum <= number <= maximum:
            raise Invalid(f"must be a number from {minimum:g} to {maximum:g}, not {kind_of(value)}")
        return number

    written: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
    return Scalar(parse, {"type": "number", "minimum": minimum, "maximum": maximum}, written, INTERPOLATED)


def _real_number(value: object) -> float | None:
    if isinstance(value, str):
        digits = value.replace(".", "", 1)
        return float(value) if digits.isascii() and digits.isdigit() and value[0] != "." != value[-1] else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def duration(*, zero: bool) -> Scalar[float]:
    """Return the shape of a duration in seconds; `zero` tells whether 0 makes sense."""

    def positive(value: object) -> float:
        result = units.seconds(value)
        if not result:
            raise Invalid("must be longer than 0")
        return result

    least = "minimum" if zero else "exclusiveMinimum"
    number: Schema = {"type": "number", least: 0, "maximum": units.LONGEST}
    written: Schema = {"type": "string", "pattern": units.DURATION_PATTERN}
    return Scalar(units.seconds if zero else positive, number, written, INTERPOLATED)


def choice(kind: type[E]) -> Scalar[E]:
    """Return the shape of the words of an enumeration."""
    return one_of({member.value: member for member in kind})


def one_of(words: Mapping[str, T]) -> Scalar[T]:
    """Return the shape of one of a few words."""

    def parse(value: object) -> T:
        if isinstance(value, str) and value in words:
            return words[value]
        raise Invalid(f"must be one of {', '.join(words)}, not {kind_of(value)}", _near(value, words))

    return Scalar(parse, {"enum": list(words)}, INTERPOLATED)


def _near(value: object, words: Iterable[str]) -> str | None:
    near = nearest(value, words) if isinstance(value, str) else None
    return f"did you mean {near}?" if near else None


def memory(value: object) -> int:
    """Return a number of bytes in which a program can live: 512 is surely meant to be something else."""
    result = units.size(value)
    if result < _LEAST_MEMORY:
        raise Invalid(f"{kind_of(value)} is too little for any program", "write 512MB or 1GiB, at least 1MB")
    return result


_LEAST_MEMORY: Final = 10**6
TEXT: Final = Scalar(text, {"type": "string"})
WORD: Final = Scalar(word, {"type": ["string", "number", "boolean"]})
FILLED: Final = Scalar(filled, {"type": "string", "minLength": 1})
FIXED: Final = Scalar(fixed, {"type": "string", "minLength": 1})
HOST: Final = Scalar(host, {"type": "string", "minLength": 1})
NAME: Final = Scalar(name, {"type": "string", "pattern": NAME_PATTERN}, INTERPOLATED)
FLAG: Final = Scalar(flag, {"type": "boolean"}, {"enum": ["true", "false"]}, INTERPOLATED)
SIZE: Final = Scalar(
    units.size,
    {"type": "integer", "minimum": 0, "maximum": units.LARGEST},
    {"type": "string", "pattern": units.SIZE_PATTERN},
    INTERPOLATED,
)
MEMORY: Final = Scalar(
    memory,
    {"type": "integer", "minimum": _LEAST_MEMORY, "maximum": units.LARGEST},
    {"type": "string", "pattern": units.SIZE_PATTERN},
    INTERPOLATED,
)
SIGNAL: Final = Scalar(signal_number, {"type": "integer", "minimum": 1, "maximum": 64}, {"type": "string"})
ANYTHING: Final = Scalar(lambda value: value, {})
