"""What came of one try of a step, and its parts by the names that `save` and `expect` use."""

from __future__ import annotations

import json
from typing import Any

from mamctl.core.dataclass import dataclass
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt, shown


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `seconds`: how long it took; `headers` have names in lower case; `exit` is that of a command.

    `text` is the body, a command's output, or a message. `complaint` is the end of a command's stderr.
    """

    seconds: float
    text: str = ""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    exit: int | None = None
    complaint: str = ""

    def json(self) -> Any:
        """Return the body's value. Raises Shortfall when it is no JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise Shortfall("the answer is no JSON", said=excerpt(self.text) or "nothing") from None

    def header(self, name: str) -> str | None:
        """Return a header's value, all of its lines joined, or None."""
        values = [value for one, value in self.headers if one == name.lower()]
        return ", ".join(values) if values else None

    def part(self, path: str) -> Any:
        """Return what `save` names: `json.items.0.id`, `header.location`, `body`, `status`. Raises Shortfall."""
        kind, _, rest = path.partition(".")
        match kind:
            case "json":
                return _within(self.json(), rest.split(".") if rest else [])
            case "header":
                value = self.header(rest)
                if value is None:
                    raise Shortfall(f"header {rest} is missing")
                return value
            case "status":
                return self.status
            case _:
                return self.text.rstrip("\n") if self.status is None else self.text


def _within(value: Any, keys: list[str]) -> Any:
    path = "json"
    for key in keys:
        path = f"{path}.{key}"
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(value):
            value = value[int(key)]
        else:
            raise Shortfall(f"{path} is missing", said=shown(value))
    return value
