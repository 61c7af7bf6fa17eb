"""What `${services.NAME.port}`, `.ports.X`, `.url` and `.host` mean, once ports are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings import Invalid
from .model import reachable
from .nearest import did_you_mean
from .replicas import NO_FAMILIES, only_replica

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .draft import Drafted
    from .interpolation import Target, Tell
    from .replicas import Families


class References:
    """Tells what targets mean; `numbers` are all ports by service and name, `families` the names of replicas."""

    def __init__(
        self, drafts: Mapping[str, Drafted], numbers: Mapping[tuple[str, str], int], families: Families = NO_FAMILIES
    ) -> None:
        self._drafts = drafts
        self._numbers = numbers
        self._families = families

    def seen_from(self, name: str, drafted: Drafted) -> Tell:
        """Return what tells references in a service's own keys: there a replica means itself by the common name."""
        if drafted.replica_of is None:
            return self.tell
        return lambda target: self._told(target, name) if target.service == drafted.replica_of else self.tell(target)

    def tell(self, target: Target) -> str:
        """Return what a reference means. Raises `Invalid`."""
        return self._told(target, only_replica(target.service, self._families))

    def _told(self, target: Target, name: str) -> str:
        drafted = self._drafts.get(name)
        if drafted is None:
            raise Invalid(
                f"no such service: {target.service}", did_you_mean(target.service, [*self._drafts, *self._families])
            )
        host = drafted.wish.host
        if target.what == "host":
            return host
        number = self._numbers[name, self._port(target, drafted)]
        return f"http://{reachable(host)}:{number}" if target.what == "url" else str(number)

    def _port(self, target: Target, drafted: Drafted) -> str:
        ports = drafted.ports
        if not ports:
            raise Invalid(f"{target.service} has no port", "give it one: port: 5001")
        name = target.port_name or next(iter(ports))
        if name not in ports:
            raise Invalid(f"{target.service} has no port {name!r}", did_you_mean(name, ports))
        return name
