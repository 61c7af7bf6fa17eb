"""One thing to be done because something happened to a service: the hooks of that moment, and what they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.hooks import Hook, Moment

LARGEST_EVENT: Final = 60_000
"""Bytes of JSON: a longer event is told without its details."""

_VARIABLES: Final = {
    "MAMCTL_STATE": "state",
    "MAMCTL_REASON": "reason",
    "MAMCTL_DETAIL": "detail",
    "MAMCTL_EXIT_CODE": "exit_code",
    "MAMCTL_EXIT_SIGNAL": "exit_signal",
}


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a command of a service runs in; `prefix` are the words that make it its user's."""

    env: Mapping[str, str]
    cwd: str
    prefix: tuple[str, ...] = ()


@dataclass(slots=True)
class Errand:
    """The hooks of one moment. `folded`: so many earlier events of the same kind came while this one waited."""

    moment: Moment
    hooks: tuple[Hook, ...]
    event: Mapping[str, Any]
    project: str
    folded: int = 0

    @property
    def key(self) -> tuple[str, Moment]:
        """Whose moment it is: of each there is one under way, and one waiting."""
        return str(self.event["service"]), self.moment

    @property
    def allowance(self) -> float:
        """The seconds that it may take at most."""
        return sum(hook.timeout for hook in self.hooks)

    def message(self) -> bytes:
        """Return the event as JSON, with what the hook should know besides."""
        told = {**self.event, "hook": self.moment, "project": self.project, "folded": self.folded}
        text = json.dumps(told, default=str).encode()
        if len(text) <= LARGEST_EVENT:
            return text
        short = {key: _cut(value) for key, value in self.event["data"].items() if key in _VARIABLES.values()}
        return json.dumps({**told, "data": short}, default=str).encode()

    def variables(self) -> dict[str, str]:
        """Return the environment variables that tell of the event; what is not known is empty."""
        data = self.event["data"]
        told = {name: "" if data.get(key) is None else _cut(data[key]) for name, key in _VARIABLES.items()}
        return {"MAMCTL_EVENT": str(self.event["type"]), "MAMCTL_HOOK": str(self.moment), **told}


def _cut(value: object) -> str:
    """Return a value as a text that an environment can hold."""
    return str(value).replace("\0", "")[:8_000]
