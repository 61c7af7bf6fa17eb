"""Secrets in what is exported: never their values, but references to variables that somebody sets elsewhere.

A variable is a secret when `secrets` names it, when its name says so (`..._PASSWORD`, `..._TOKEN`), or when its value
holds another secret, as the URL of a database does. In a command a secret's value becomes a reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.manifest.secrecy import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mamctl.core.manifest.model import ServiceSpec

# Shorter values would be found in innocent words.
_SHORTEST: Final = 4
_LOOKS_SECRET: Final = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|SECRET_KEY|ACCESS_KEY|CREDENTIALS)$"
)
_NOT_A_LETTER: Final = re.compile(r"[^A-Z0-9]")


class Reference(NamedTuple):
    """A place in a text where the value of a variable stands."""

    name: str


Piece = str | Reference


def looks_secret(name: str) -> bool:
    """Tell whether the name of a variable says that its value is nobody's business."""
    return bool(_LOOKS_SECRET.search(name.upper()))


class Vault:
    """Knows every secret of some services. `inherited`: the environment beneath their own."""

    def __init__(self, specs: Sequence[ServiceSpec], inherited: Mapping[str, str]) -> None:
        self._own: dict[str, dict[str, str]] = {
            spec.name: {name: {**inherited, **spec.env}.get(name, "") for name in _named(spec)} for spec in specs
        }
        values = {value for own in self._own.values() for value in own.values() if len(value) >= _SHORTEST}
        # The longest first: one may be a part of another.
        self._values = sorted(values, key=len, reverse=True)
        found = [re.escape(value) for value in self._values]
        self._pattern = re.compile(f"({'|'.join(found)})") if found else None
        for spec in specs:
            self._own[spec.name] |= {name: value for name, value in spec.env.items() if self.holds(value)}

    def holds(self, text: str) -> bool:
        """Tell whether a text has a secret in it."""
        return bool(self._pattern and self._pattern.search(text))

    def masked(self, text: str) -> str:
        """Return a text with stars in place of secrets, where no reference can stand."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def shared_name(self, service: str, name: str) -> str:
        """Return the name of a variable where all services share one environment: one name, one value."""
        own = self._own[service].get(name)
        if all(other.get(name, own) == own for other in self._own.values()):
            return name
        return f"{_NOT_A_LETTER.sub('_', service.upper())}_{name}"

    def pieces(self, service: str, text: str) -> tuple[Piece, ...]:
        """Return a text as literal parts and references to variables of a service."""
        if self._pattern is None:
            return (text,)
        parts = [part for part in self._pattern.split(text) if part]
        return tuple(Reference(self._name(service, part)) if part in self._values else part for part in parts) or ("",)

    def variables(self, service: str, texts: Iterable[str]) -> dict[str, str]:
        """Return the secrets of a service, those in its texts included: each with its name where all share one."""
        own = {name: self.shared_name(service, name) for name in sorted(self._own[service])}
        for text in texts:
            for piece in self.pieces(service, text):
                if isinstance(piece, Reference):
                    own.setdefault(piece.name, piece.name)
        return own

    def is_set(self, service: str, name: str) -> bool:
        """Tell whether the manifest gives a secret its value, or only says that it is one."""
        return self._own[service].get(name) != ""

    def _name(self, service: str, value: str) -> str:
        """Return the variable that has a value: the service's own, or else another's by its shared name."""
        own = next((name for name, has in self._own[service].items() if has == value), None)
        if own is not None:
            return own
        whose, name = next(
            (other, name) for other, has in self._own.items() for name, one in has.items() if one == value
        )
        return self.shared_name(whose, name)


def _named(spec: ServiceSpec) -> list[str]:
    return [*spec.secrets, *(name for name in spec.env if looks_secret(name) and name not in spec.secrets)]
