"""What is run or called when something happens to a service."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass

from .units import show_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping


class Moment(StrEnum):
    """When a hook is run. Each value is a key of `hooks`."""

    START = "on_start"
    READY = "on_ready"
    UNHEALTHY = "on_unhealthy"
    HEALTHY = "on_healthy"
    EXIT = "on_exit"
    RESTART = "on_restart"
    COMPLETE = "on_complete"
    FAILURE = "on_failure"
    STOP = "on_stop"


@dataclass(frozen=True, slots=True)
class Hook:
    """A command to run (`argv`), or a `url` to which the event is posted. `timeout`: the seconds it may take."""

    argv: tuple[str, ...] = ()
    url: str | None = None
    timeout: float = 10.0


Hooks = dict[Moment, tuple[Hook, ...]]
NO_HOOKS: Final[Mapping[Moment, tuple[Hook, ...]]] = MappingProxyType({})

# The event that each moment is, by its type in the history. No warning is one: a hook that fails calls no other.
MOMENTS: Final[Mapping[str, Moment]] = MappingProxyType(
    {
        "starting": Moment.START,
        "started": Moment.READY,
        "unhealthy": Moment.UNHEALTHY,
        "healthy": Moment.HEALTHY,
        "process-exit": Moment.EXIT,
        "restarting": Moment.RESTART,
        "completed": Moment.COMPLETE,
        "failed": Moment.FAILURE,
        "stopped": Moment.STOP,
    }
)


def render_hooks(hooks: Mapping[Moment, tuple[Hook, ...]]) -> dict[str, object]:
    """Return the key `hooks` with what it comes to; nothing without any."""
    found = {moment.value: [_render(hook) for hook in some] for moment, some in hooks.items()}
    return {"hooks": found} if found else {}


def _render(hook: Hook) -> dict[str, object]:
    what: dict[str, object] = {"exec": list(hook.argv)} if hook.url is None else {"webhook": hook.url}
    return what | {"timeout": show_seconds(hook.timeout)}
