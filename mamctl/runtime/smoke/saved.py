"""What earlier steps saved, and filling it into the texts of later ones."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mamctl.core.manifest.steps import LATER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mamctl.runtime.smoke.answer import Answer


class Saved:
    """Values by name, as JSON has them."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def keep(self, answer: Answer, paths: Iterable[tuple[str, str]]) -> None:
        """Save parts of an answer: all of them or, when one is missing (Shortfall), none."""
        self._values |= {name: answer.part(path) for name, path in paths}

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return which of these names nobody saved."""
        return sorted(name for name in names if name not in self._values)

    def text(self, text: str, spell: Callable[[str], str] = str) -> str:
        """Return a text with values filled in; `spell` is what becomes of each, where a text has rules of its own."""
        return LATER.sub(lambda found: spell(_spelled(self._values[found[1]])), text)

    def pattern(self, text: str) -> re.Pattern[str]:
        """Return a regular expression with values filled in, which mean themselves."""
        return re.compile(self.text(text, re.escape))

    def value(self, canonical: str) -> Any:
        """Return a JSON text's value with values filled in; what is nothing but `${name}` keeps its type."""
        return self._filled(json.loads(canonical))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            whole = LATER.fullmatch(value)
            return self._values[whole[1]] if whole else self.text(value)
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return [self._filled(item) for item in value] if isinstance(value, list) else value


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
