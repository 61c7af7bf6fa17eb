"""What supervisord expands in values: `%(program_name)s`, `%(process_num)02d`, `%(ENV_HOME)s`, `%%`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.importing.commands import filled
from mamctl.convert.importing.value import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_EXPANSION: Final = re.compile(r"%(?:%|\((\w+)\)(0?\d{0,3})([sd])|(.?))", re.DOTALL)


class Expansions(NamedTuple):
    """`known` are the names; `given` what [supervisord] has in `environment`; `variable` refers to any other."""

    known: Mapping[str, str | int]
    given: Mapping[str, str]
    variable: Callable[[str], str]

    def tell(self, text: str) -> str:
        """Return a value as text of ours. Raises Unfit for what is not known."""
        return filled(self._parts(text))

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        position = 0
        for found in _EXPANSION.finditer(text):
            yield text[position : found.start()], False
            yield self._expanded(found)
            position = found.end()
        yield text[position:], False

    def _expanded(self, found: re.Match[str]) -> tuple[str, bool]:
        name = found[1]
        if found[0] == "%%":
            return "%", False
        if name is None:
            raise Unfit("holds a % that is no expansion")
        if name.startswith("ENV_"):
            variable = name.removeprefix("ENV_")
            return (self.given[variable], False) if variable in self.given else (self.variable(variable), True)
        value = self.known.get(name)
        if value is None:
            raise Unfit("uses an expansion that is not known")
        return (f"{value:{found[2]}d}" if isinstance(value, int) else str(value)), False
