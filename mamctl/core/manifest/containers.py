"""Shapes with parts: lists, maps with free keys, and records with a table of known keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from .findings import Findings, Invalid, Path, kind_of
from .merging import DELETED
from .nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .shapes import Schema, Shape

T = TypeVar("T")
# How many different maps one record remembers; a file with more only shares less.
_MOST: Final = 1024


class ListOf(Generic[T]):
    """A list whose items have one shape; bad items are noted and left out."""

    def __init__(self, item: Shape[T]) -> None:
        self.item = item

    def read(self, value: object, at: Path, found: Findings) -> tuple[T, ...]:
        """Return the good items."""
        if not isinstance(value, list):
            raise Invalid(f"must be a list, not {kind_of(value)}")
        items: list[T] = []
        for index, item in enumerate(value):
            try:
                items.append(self.item.read(item, (*at, index), found))
            except Invalid as invalid:
                found.refuse((*at, index), invalid)
        return tuple(items)

    def schema(self) -> Schema:
        """Return the schema of the list."""
        return {"type": "array", "items": self.item.schema()}


class OneOrMore(ListOf[T]):
    """A list, or one item that stands for a list of one."""

    def read(self, value: object, at: Path, found: Findings) -> tuple[T, ...]:
        """Return the good items."""
        if isinstance(value, list):
            return super().read(value, at, found)
        return (self.item.read(value, at, found),)

    def schema(self) -> Schema:
        """Return the schema of the list or the item."""
        return {"anyOf": [self.item.schema(), super().schema()]}


class Keys(NamedTuple):
    """Which keys a map with free keys may have; `pattern` says the same to the schema, `hint` to people."""

    fits: Callable[[str], bool]
    pattern: str
    what: str
    hint: str

    def check(self, key: str) -> None:
        """Raise `Invalid` for a key that does not fit."""
        if not self.fits(key):
            raise Invalid(f"{kind_of(key)} is not {self.what}", self.hint)

    def schema(self) -> Schema:
        """Return the schema of a map with such keys."""
        return {"type": "object", "propertyNames": {"pattern": self.pattern}}


class MapOf(Generic[T]):
    """A map with free keys whose values have one shape; bad entries are noted and left out."""

    def __init__(self, item: Shape[T], keys: Keys) -> None:
        self.item = item
        self.keys = keys

    def read(self, value: object, at: Path, found: Findings) -> dict[str, T]:
        """Return the good entries."""
        if not isinstance(value, dict):
            raise Invalid(f"must be a map, not {kind_of(value)}")
        entries: dict[str, T] = {}
        for key, item in value.items():
            try:
                self._entry(key, item, at, found, entries)
            except Invalid as invalid:
                found.refuse((*at, key), invalid)
        return entries

    def _entry(self, key: str, item: object, at: Path, found: Findings, entries: dict[str, T]) -> None:
        self.keys.check(key)
        if item is not DELETED:
            entries[key] = self.item.read(item, (*at, key), found)

    def schema(self) -> Schema:
        """Return the schema of the map."""
        return self.keys.schema() | {"additionalProperties": self.item.schema()}


class Nullable(Generic[T]):
    """A shape, or null."""

    def __init__(self, item: Shape[T]) -> None:
        self.item = item

    def read(self, value: object, at: Path, found: Findings) -> T | None:
        """Return what the value means, or None for null and for what a higher layer deleted."""
        return None if value is None or value is DELETED else self.item.read(value, at, found)

    def schema(self) -> Schema:
        """Return the schema with null."""
        return {"anyOf": [self.item.schema(), {"type": "null"}]}


class MapOfNullable(MapOf[T | None]):
    """A map whose values may be null, which is told to whoever reads the map; a deletion is one, too."""

    def __init__(self, item: Shape[T], keys: Keys) -> None:
        super().__init__(Nullable(item), keys)

    def _entry(self, key: str, item: object, at: Path, found: Findings, entries: dict[str, T | None]) -> None:
        self.keys.check(key)
        entries[key] = self.item.read(item, (*at, key), found)


class Field(NamedTuple):
    """One key of a record: its shape, what it is for, and the schema of a short form, which is expanded before.

    With `null` an explicit null is told to the record; else it means that the key is absent.
    """

    shape: Shape[object]
    about: str
    short: Schema | None = None
    null: bool = False

    def schema(self) -> Schema:
        """Return the schema of the key's value: its shape, its short form, or null."""
        shapes = [self.shape.schema(), *([self.short] if self.short else []), {"type": "null"}]
        return {"description": self.about, "anyOf": shapes}


Excludes = tuple[tuple[str, str, str], ...]


class Record(Generic[T]):
    """A map with known keys, built into one value. `reference` is its name among the schema's definitions.

    `excludes` are pairs of keys that cannot stand together, each with a hint.
    """

    def __init__(
        self, build: Callable[..., T], fields: Mapping[str, Field], *, reference: str, excludes: Excludes = ()
    ) -> None:
        self.build = build
        self.fields = fields
        self.reference = reference
        self.excludes = excludes

    def read(self, value: object, at: Path, found: Findings) -> T:
        """Return the record built from its good keys; what is wrong is noted."""
        return self.build(**self.values(value, at, found))

    def values(self, value: object, at: Path, found: Findings) -> dict[str, object]:
        """Return what the good keys mean."""
        if not isinstance(value, dict):
            raise Invalid(f"must be a map, not {kind_of(value)}", f"known keys: {', '.join(self.fields)}")
        self._exclude(value, at, found)
        values: dict[str, object] = {}
        for key, item in value.items():
            field = self.fields.get(key)
            try:
                if item is None or item is DELETED:
                    self._null(field, key, values)
                elif field is None:
                    self.unknown(key)
                else:
                    values[key] = field.shape.read(item, (*at, key), found)
            except Invalid as invalid:
                found.refuse((*at, key), invalid)
        return values

    def _exclude(self, value: Mapping[str, object], at: Path, found: Findings) -> None:
        for key, other, hint in self.excludes:
            if key in value and other in value:
                found.add((*at, key), f"cannot stand beside {other}", hint)

    def _null(self, field: Field | None, key: str, values: dict[str, object]) -> None:
        if field is None:
            self.unknown(key)
        elif field.null:
            values[key] = None

    def unknown(self, key: str) -> None:
        """Raise `Invalid` for a key that is not in the table."""
        raise Invalid("unknown key", did_you_mean(key, self.fields))

    def schema(self) -> Schema:
        """Return a reference to the definition."""
        return {"$ref": f"#/$defs/{self.reference}"}

    def definition(self) -> Schema:
        """Return the definition itself."""
        schema: Schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: field.schema() for key, field in self.fields.items()},
        }
        if self.excludes:
            schema["allOf"] = [{"not": {"required": [key, other]}} for key, other, _ in self.excludes]
        return schema


class Shared(Record[T]):
    """A record of scalars that is built once for equal maps: hundreds of services say the same."""

    def __init__(self, build: Callable[..., T], fields: Mapping[str, Field], *, reference: str) -> None:
        super().__init__(build, fields, reference=reference)
        self._built: dict[tuple[object, ...], T] = {}

    def read(self, value: object, at: Path, found: Findings) -> T:
        """Return the record built for an equal map before, or build it."""
        if not isinstance(value, dict):
            return super().read(value, at, found)
        # The types belong to the key because 1 == True == 1.0.
        key = (*value.items(), *map(type, value.values()))
        try:
            return self._built[key]
        except (KeyError, TypeError):
            return self._build(key, value, at, found)

    def _build(self, key: tuple[object, ...], value: object, at: Path, found: Findings) -> T:
        before = len(found.all)
        built = super().read(value, at, found)
        if len(found.all) == before and len(self._built) < _MOST:
            self._built[key] = built
        return built
