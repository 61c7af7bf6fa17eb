"""Hooks as they are written: a command, a map with one or with a webhook, or a list of these, for each moment.

Short forms are expanded before layers are merged, so that a list replaces a list. A list of words is one command, as
everywhere; with a map or a list in it, it is a list of hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .containers import Field, ListOf, Record
from .findings import Findings, Invalid, Path
from .forms import COMMAND
from .hooks import Hook, Moment
from .shapes import FILLED, Schema, duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wishes import Command

_HINT: Final = "write {exec: [program, argument]} or {webhook: http://...}"
_ABOUT: Final[Mapping[Moment, str]] = {
    Moment.START: "Its process was started.",
    Moment.READY: "It is ready for the first time since its start.",
    Moment.UNHEALTHY: "It was ready, and is not any more.",
    Moment.HEALTHY: "It is ready again.",
    Moment.EXIT: "Its process ended, for whatever reason.",
    Moment.RESTART: "It is being started again.",
    Moment.COMPLETE: "It has done its work.",
    Moment.FAILURE: "It failed, and is not tried again by itself.",
    Moment.STOP: "It was stopped, and nothing is left of it.",
}


class HookWish(NamedTuple):
    """A hook's keys. Seconds."""

    exec: Command | None = None
    webhook: str | None = None
    timeout: float = Hook().timeout


HookWishes = dict[Moment, tuple[HookWish, ...]]


class _HookRecord(Record[HookWish]):
    """A record that has either a command or a webhook."""

    def read(self, value: object, at: Path, found: Findings) -> HookWish:
        """Return the hook. Raises `Invalid` when it has neither or both."""
        before = len(found.all)
        wish = super().read(value, at, found)
        if len(found.all) > before:
            return wish
        if wish.exec is None and wish.webhook is None:
            raise Invalid("neither runs nor calls anything", _HINT)
        return wish


def _by_moment(**wishes: tuple[HookWish, ...]) -> HookWishes:
    return {Moment(key): some for key, some in wishes.items() if some}


HOOK: Final = _HookRecord(
    HookWish,
    {
        "exec": Field(COMMAND, "A command, run in the service's folder and environment."),
        "webhook": Field(FILLED, "A URL to which the event is posted as JSON."),
        "timeout": Field(duration(zero=False), "How long it may take. Default 10s."),
    },
    reference="hook",
    excludes=(("exec", "webhook", "a hook does one thing; write two hooks"),),
)

_ONE: Final[list[Schema]] = [{"type": "string", "minLength": 1}, HOOK.schema()]
_WORDS: Final[Schema] = {"type": "array", "items": {"type": ["string", "number", "boolean"]}}
_MIXED: Final[Schema] = {"type": "array", "items": {"anyOf": [*_ONE, _WORDS]}}
_SHORT: Final[Schema] = {"anyOf": [*_ONE, _WORDS, _MIXED]}

HOOKS: Final = Record(
    _by_moment,
    {moment.value: Field(ListOf(HOOK), _ABOUT[moment], _SHORT) for moment in Moment},
    reference="hooks",
)


def expand_hooks(value: object) -> object:
    """Return each moment's hooks as a list of maps; what cannot be expanded is left for the parser to refuse."""
    if not isinstance(value, dict):
        return value
    return {moment: _expanded(hooks) for moment, hooks in value.items()}


def _expanded(hooks: object) -> object:
    if isinstance(hooks, str | dict):
        return [_long(hooks)]
    if not isinstance(hooks, list) or not hooks:
        return hooks
    several = any(isinstance(hook, dict | list) for hook in hooks)
    return [_long(hook) for hook in hooks] if several else [_long(hooks)]


def _long(hook: object) -> object:
    return {"exec": hook} if isinstance(hook, str | list) else hook
