"""Names of compose services as hosts: in its network `db` is a host, on this machine all of them are 127.0.0.1.

What docker still runs is reached on the ports that it publishes, and on no others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.compose_ports import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.convert.importing.stack import Service
    from mamctl.convert.importing.value import Value

LOOPBACK: Final = "127.0.0.1"


class Hosts:
    """Every service by its name there: `sections` is what the file says of each, `inside` those that docker runs."""

    def __init__(self, sections: Mapping[str, Value], inside: Iterable[str]) -> None:
        self._published = {name: numbers(sections[name].get("ports")) for name in inside}
        known = "|".join(re.escape(name) for name in sections)
        self._alone = re.compile(known)
        self._within = re.compile(rf"(?:(?<=@)|(?<=//))({known})(?::(\d+))?(?=[/?]|$)|^({known}):(\d+)(?=/|$)")

    def use_loopback(self, service: Service, section: Value) -> None:
        """Write the loopback address for hosts in variables, and tell of each."""
        env, place = service.keys.get("env"), section.get("environment")
        if not env or place is None:
            return
        for name, value in env.items():
            if not isinstance(value, str):
                continue
            alone = name.upper().endswith("HOST") and self._alone.fullmatch(value)
            changed = LOOPBACK if alone else self._within.sub(self._here, value)
            if changed != value:
                env[name] = changed
                where = place.get(name) or place
                service.note(where, f"{name} names a service as a host: here it is {LOOPBACK}; check the port")

    def _here(self, found: re.Match[str]) -> str:
        name, port = found[1] or found[3], found[2] or found[4]
        number = self._published.get(name, {}).get(port, port)
        return f"{LOOPBACK}:{number}" if number else LOOPBACK

    def tell_of_unreachable(self, services: Mapping[str, Service], sections: Mapping[str, Value]) -> None:
        """Tell of what docker runs, publishes no port of, and others need that now run outside of its network."""
        needed = {
            name for one in services if one not in self._published for name in services[one].keys.get("depends_on", ())
        }
        for name, published in self._published.items():
            if name in needed and not published:
                services[name].note(
                    sections[name],
                    "it publishes no port: write `ports` for it there, or nobody on this machine reaches it",
                )
