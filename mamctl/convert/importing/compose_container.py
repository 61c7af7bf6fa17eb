"""A compose service that only docker can run: it stays in the compose file, and docker compose runs it for us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.convert.importing.compose_ports import published
from mamctl.convert.importing.compose_probe import probe
from mamctl.convert.importing.compose_rules import depend, restarting
from mamctl.convert.importing.rules import attempt, lasting, to
from mamctl.convert.importing.value import Value, take_all, texts

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_MESSAGE: Final = "docker compose runs it as before: docker must be there, and what this file says of it stays here"


def in_container(name: str, section: Value, service: Service, file: str) -> None:
    """Fill a service that is run by `docker compose up`; all that is not ours to do stays in the compose file."""
    take_all(section)
    shown = service.around.path(file)
    compose = ["docker", "compose", "-f", shown]
    service.set(("command",), [*compose, "up", "--no-log-prefix", "--no-deps", name])
    rules: dict[str, Any] = {
        "ports": published,
        "depends_on": depend,
        "healthcheck": lambda value, one: probe(value, one, [*compose, "exec", "-T", name]),
        "profiles": lambda value, one: one.set(("profiles",), texts(value)),
        "stop_grace_period": to("stop", "grace", read=lasting),
    }
    for key, value in (section.pairs or {}).items():
        if key in rules:
            attempt(rules[key], value, service)
    restarting(section, service)
    service.note(section.get("image") or section, _MESSAGE)
