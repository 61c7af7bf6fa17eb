"""Probes of process-compose: commands for a shell, HTTP requests, and a line of output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.amounts import duration
from mamctl.convert.importing.rules import attempt, told
from mamctl.convert.importing.value import Unfit, Value, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.convert.importing.stack import Service

_DELAY: Final = "it is asked from the start, and until it is ready its answers do no harm"


def probe(value: Value, service: Service, key: str) -> None:
    """Set `ready` or `live`."""
    command, request = value.get("exec"), value.get("http_get")
    check: dict[str, object] = {}
    if command is not None:
        check = _exec(command, service)
    elif request is not None:
        check = _http(request, service)
    if not check:
        raise Unfit("has neither exec with a command nor http_get with a host or a port")
    service.set((key,), check)
    for name, read in _NUMBERS.items():
        inner = value.get(name)
        if inner is not None:
            attempt(_rule(key, name, read), inner, service)
    threshold, delay = value.get("success_threshold"), value.get("initial_delay_seconds")
    if threshold is not None and threshold.text == "1":
        threshold.seen = True
        service.note(threshold, "once is enough here")
    if delay is not None and delay.text is not None:
        delay.seen = True
        service.note(delay, _DELAY)


_KEYS: Final = {"period_seconds": "interval", "timeout_seconds": "timeout", "failure_threshold": "failures"}
_NUMBERS: Final[dict[str, Callable[[Value], object]]] = {
    "period_seconds": duration,
    "timeout_seconds": duration,
    "failure_threshold": lambda value: whole(value, 1, 10**6),
}


def _rule(key: str, name: str, read: Callable[[Value], object]) -> Callable[[Value, Service], None]:
    return lambda value, service: service.set((key, _KEYS[name]), read(value))


def _exec(value: Value, service: Service) -> dict[str, object]:
    command = value.get("command")
    if command is None:
        return {}
    value.seen = True
    line = service.shell_text(text(command))
    folder = value.get("working_dir")
    if folder is not None:
        where = service.shell_text(text(folder))
        line = f"cd '{where}' && {line}" if "'" not in where else line
    return {"exec": ["/bin/sh", "-c", line]}


def _http(value: Value, service: Service) -> dict[str, object]:
    value.seen = True
    port = value.get("port") or value.get("num_port")
    number = f":{told(port, service)}" if port is not None and port.text else ""
    found = {name: value.get(name) for name in ("host", "path", "scheme")}
    host, path, scheme = (told(inner, service) if inner is not None and inner.text else "" for inner in found.values())
    if not host and not number:
        return {}
    url = f"{scheme or 'http'}://{host or '127.0.0.1'}{number}/{path.lstrip('/')}"
    status = value.get("status_code")
    return {"http": url, **({"status": whole(status, 100, 599)} if status is not None else {})}


def log_line(value: Value, service: Service) -> None:
    """Set `ready` to a line of output; process-compose looks for the text as it is."""
    service.set(("ready",), {"log": service.tell(re.escape(text(value)).replace("\\ ", " "))})
