"""A format as a table: for each of its keys the rule that represents it in a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mamctl.convert.importing.amounts import duration
from mamctl.convert.importing.commands import literal
from mamctl.convert.importing.value import Unfit, Value, flag, text, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

Rule = Callable[[Value, "Service"], None]
Rules = Mapping[str, Rule]
Advice = Mapping[str, str]
Reading = Callable[[Value, "Service"], object]


def apply(rules: Rules, section: Value, service: Service, advice: Advice) -> None:
    """Represent what has a rule; what has none is left unseen, with the advice for its key."""
    section.seen = True
    for key, value in (section.pairs or {}).items():
        rule = rules.get(key)
        if rule is None:
            value.why = value.why or advice.get(key, "")
            continue
        attempt(rule, value, service)


def attempt(rule: Rule, value: Value, service: Service) -> None:
    """Represent one value; when that cannot be, say why."""
    value.seen = True
    try:
        rule(value, service)
    except Unfit as unfit:
        value.leave(str(unfit))


def to(*path: str, read: Reading) -> Rule:
    """Return the rule that sets one key of ours."""
    return lambda value, service: service.set(path, read(value, service))


def told(value: Value, service: Service) -> str:
    """Return a text of the source as one of ours."""
    return service.tell(text(value))


def flagged(value: Value, _service: Service) -> bool:
    """Return a truth value."""
    return flag(value)


def opposite(value: Value, _service: Service) -> bool:
    """Return the opposite of a truth value."""
    return not flag(value)


def counted(value: Value, _service: Service) -> int:
    """Return a whole number."""
    return whole(value)


def lasting(value: Value, _service: Service) -> str | float:
    """Return a duration; a number alone are seconds."""
    return duration(value)


def milliseconds(value: Value, _service: Service) -> str | float:
    """Return a duration; a number alone are milliseconds."""
    return duration(value, 0.001)


def variable(name: str, pairs: dict[str, str | None]) -> Rule:
    """Return the rule that puts one variable into `pairs`, whatever becomes of the others."""

    def rule(value: Value, _service: Service) -> None:
        pairs[name] = literal(text(value))

    return rule


def folder(value: Value, service: Service) -> str:
    """Return a path as the manifest names it."""
    return service.around.path(told(value, service))


def member(value: Value, service: Service) -> str | int:
    """Return a user or a group, by name or number."""
    word = told(value, service).strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 11 else word


def described(*, only: str) -> Rule:
    """Return the rule for a key that needs nothing here, whatever it says; `only` tells why."""

    def rule(value: Value, service: Service) -> None:
        text(value)
        service.note(value, only)

    return rule


def expected(*, wanted: bool, otherwise: str) -> Rule:
    """Return the rule for a key that has one value here: nothing is to be done for it, and another cannot be had."""

    def rule(value: Value, service: Service) -> None:
        if flag(value) is not wanted:
            raise Unfit(otherwise)
        service.note(value, "it is always so here")

    return rule
