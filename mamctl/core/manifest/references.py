"""What `${services.NAME.port}`, `.ports.X`, `.url` and `.host` mean, once ports are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings import Invalid
from .model import reachable
from .nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .draft import Drafted
    from .interpolation import Target


class References:
    """Tells what targets mean; `numbers` are all ports by service and name."""

    def __init__(self, drafts: Mapping[str, Drafted], numbers: Mapping[tuple[str, str], int]) -> None:
        self._drafts = drafts
        self._numbers = numbers

    def tell(self, target: Target) -> str:
        """Return what a reference means. Raises `Invalid`."""
        drafted = self._drafts.get(target.service)
        if drafted is None:
            raise Invalid(f"no such service: {target.service}", did_you_mean(target.service, self._drafts))
        host = drafted.wish.host
        if target.what == "host":
            return host
        number = self._number(target, drafted)
        return f"http://{reachable(host)}:{number}" if target.what == "url" else str(number)

    def _number(self, target: Target, drafted: Drafted) -> int:
        ports = drafted.ports
        if not ports:
            raise Invalid(f"{target.service} has no port", "give it one: port: 5001")
        name = target.port_name or next(iter(ports))
        if name not in ports:
            raise Invalid(f"{target.service} has no port {name!r}", did_you_mean(name, ports))
        return self._numbers[target.service, name]
