"""`dataclass` as the standard library has it, made four times as quickly; to type checkers it is that very one.

The standard one compiles six methods for every frozen class. There are some seventy, so that took a quarter of the time
that a supervisor needs to import itself, and a killed one's successor is waited for. Here only `__init__` is compiled,
and comparison, hash and text are shared. Only type checkers hold `frozen`: nothing stands in the way of an assignment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from dataclasses import dataclass as _compiled
    from operator import attrgetter

    def dataclass(*, frozen=False, slots=False, eq=True):
        """Return a decorator that makes a class whose fields are its annotations; see `dataclasses.dataclass`."""

        def make(kind):
            made = _compiled(kind, slots=slots, eq=False, repr=False)
            made.__repr__ = _text
            if eq:
                _compare(made, frozen=frozen)
            return made

        return make

    def _text(value):
        fields = ", ".join(f"{name}={getattr(value, name)!r}" for name in value.__dataclass_fields__)
        return f"{type(value).__qualname__}({fields})"

    def _compare(kind, *, frozen):
        names = tuple(kind.__dataclass_fields__)
        content = attrgetter(*names) if names else lambda _value: ()

        def equal(value, other):
            return content(value) == content(other) if other.__class__ is value.__class__ else NotImplemented

        kind.__eq__ = equal
        kind.__hash__ = (lambda value: hash((kind, content(value)))) if frozen else None
