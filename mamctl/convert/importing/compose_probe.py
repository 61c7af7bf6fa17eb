"""A compose healthcheck as a probe: there it decides who may start, and nothing is restarted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.amounts import duration, seconds, shown
from mamctl.convert.importing.rules import Rules, attempt, counted, told
from mamctl.convert.importing.value import Unfit, Value, flag

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_SHELL: Final = ["/bin/sh", "-c"]
_START_TIMEOUT: Final = 30.0


def probe(value: Value, service: Service, inside: list[str] | None = None) -> None:
    """Set `ready`; `inside` are the words by which a command runs in the service's container."""
    if value.pairs is None:
        raise Unfit("is no map")
    disabled = value.get("disable")
    if disabled is not None and flag(disabled):
        service.set(("ready",), None)
        return
    test = value.get("test")
    words = _words(test, service) if test is not None else None
    if test is None or words is None:
        raise Unfit("has no test here; that of the image is not known")
    test.seen = True
    if not words:
        service.set(("ready",), None)
        return
    service.set(("ready",), {"exec": [*(inside or ()), *words], "interval": "30s", "timeout": "30s"})
    for key, inner in value.pairs.items():
        if key in _RULES:
            attempt(_RULES[key], inner, service)
    _take_start(value, service)


def _words(test: Value, service: Service) -> list[str] | None:
    if test.text is not None:
        return [*_SHELL, told(test, service)]
    words = [told(item, service) for item in test.items or ()]
    if words[:1] == ["NONE"]:
        return []
    if words[:1] == ["CMD-SHELL"] and len(words) > 1:
        return [*_SHELL, *words[1:]]
    return words[1:] if words[:1] == ["CMD"] and len(words) > 1 else None


def _start_interval(value: Value, service: Service) -> None:
    duration(value)
    service.note(value, "while it starts it is asked every few milliseconds")


def _enabled(value: Value, _service: Service) -> None:
    flag(value)


_RULES: Final[Rules] = {
    "interval": lambda value, service: service.set(("ready", "interval"), duration(value)),
    "timeout": lambda value, service: service.set(("ready", "timeout"), duration(value)),
    "retries": lambda value, service: service.set(("ready", "failures"), counted(value, service)),
    "start_interval": _start_interval,
    "disable": _enabled,
}


def _take_start(value: Value, service: Service) -> None:
    """Give it as long to start as the healthcheck would."""
    period, interval = value.get("start_period"), value.get("interval")
    try:
        allowed = seconds(period) if period is not None else 0.0
        each = seconds(interval) if interval is not None and interval.seen else 30.0
    except Unfit as unfit:
        if period is not None:
            period.leave(str(unfit))
        return
    total = allowed + each * int(service.keys["ready"].get("failures", 3))
    if total > _START_TIMEOUT:
        service.set(("start_timeout",), shown(min(total, 86400.0)))
    if period is not None:
        service.note(period, "start_timeout is start_period and the time of its retries")
