"""Go templates of process-compose: `{{.NAME}}` with a name of `vars`, and the number of a replica."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.importing.value import Unfit, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.convert.importing.value import Value

_TEMPLATE: Final = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")


class Templates(NamedTuple):
    """The variables by name."""

    names: Mapping[str, str]

    @classmethod
    def of(cls, value: Value | None) -> Templates:
        """Return those of the key `vars`."""
        found = {}
        if value is not None and value.pairs is not None:
            value.seen = True
            found = {name: text(inner) for name, inner in value.pairs.items() if inner.text is not None}
        return cls(found)

    def with_number(self, number: int) -> Templates:
        """Return the same with the number of a replica."""
        return Templates({**self.names, "PC_REPLICA_NUM": str(number)})

    def tell(self, written: str) -> str:
        """Return a text with its templates filled in. Raises Unfit for anything but a name that is known."""
        filled = _TEMPLATE.sub(self._value, written)
        if "{{" in _TEMPLATE.sub("", written):
            raise Unfit("uses a template that is not known; write the text itself")
        return filled

    def _value(self, found: re.Match[str]) -> str:
        if found[1] not in self.names:
            raise Unfit("uses a template that is not known; write the text itself")
        return self.names[found[1]]
