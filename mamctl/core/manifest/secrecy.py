"""Keeping the values of `secrets` out of what we print, record and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .model import ServiceSpec

T = TypeVar("T")
MASK: Final = "********"
# Shorter values would blot out innocent words.
_SHORTEST: Final = 4
_NONE: Final[Mapping[str, str]] = {}


class Secrecy:
    """Masks secret values wherever they occur. `inherited` is the environment that services get beneath their own."""

    def __init__(self, specs: Iterable[ServiceSpec], inherited: Mapping[str, str] = _NONE) -> None:
        values = {value for spec in specs for value in _values(spec, inherited) if len(value) >= _SHORTEST}
        # The longest first: one may be a part of another.
        self._values = sorted(values, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text with every secret masked."""
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def tree(self, value: T) -> T:
        """Return maps, lists and scalars with every secret masked in their texts, keys excepted."""
        found: T = self._tree(value) if self._values else value
        return found

    def _tree(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._tree(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._tree(item) for item in value]
        return self.text(value) if isinstance(value, str) else value


def _values(spec: ServiceSpec, inherited: Mapping[str, str]) -> list[str]:
    """Return the values of a service's secrets, and of the service that is spawned for it."""
    inner = spec.external.spawned if spec.external else None
    found = [{**inherited, **spec.env}.get(name, "") for name in spec.secrets]
    return found + (_values(inner, inherited) if inner else [])
