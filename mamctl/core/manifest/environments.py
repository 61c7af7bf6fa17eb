"""The environments of services: top env file, top env, the service's env files, its env; low to high."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .findings import Findings, Invalid, Path
from .interpolation import Tell, resolve
from .model import EMPTY

if TYPE_CHECKING:
    from .draft import Drafted
    from .layers import Entry

Pairs = Mapping[str, Mapping[str, str]]
Environment = tuple[Mapping[str, str], frozenset[str]]
_NOTHING: Final[Environment] = (EMPTY, frozenset())


class Environments:
    """Merges the layers of each service; services that add nothing of their own share one environment."""

    def __init__(self, pairs: Pairs, tell: Tell, found: Findings) -> None:
        self._pairs = pairs
        self._tell = tell
        self._found = found
        self._shared: dict[int, Environment] = {}

    def of(self, drafted: Drafted, ports: Mapping[str, int], tell: Tell) -> Environment:
        """Return a service's variables, and the names of those that it must not inherit.

        `tell`: what references mean to this service.
        """
        environment = self._merged(drafted, tell)
        if ports and environment[0]:
            self._check_ports(environment[0], ports, drafted.at)
        return environment

    def _merged(self, drafted: Drafted, tell: Tell) -> Environment:
        if drafted.wish.env or drafted.wish.env_file:
            return self._own(drafted, tell)
        key = id(drafted.entry.env)
        if key not in self._shared:
            self._shared[key] = self._merge(self._beneath(drafted.entry), self._tell)
        return self._shared[key]

    def _own(self, drafted: Drafted, tell: Tell) -> Environment:
        files = [(self._pairs.get(file.path, EMPTY), drafted.at) for file in drafted.wish.env_file]
        layers = [*self._beneath(drafted.entry), *files, (drafted.wish.env, (*drafted.at, "env"))]
        return self._merge(layers, tell)

    def _beneath(self, entry: Entry) -> list[tuple[Mapping[str, str | None], Path]]:
        return [(layer, ("env",)) for layer in entry.env]

    def _merge(self, layers: list[tuple[Mapping[str, str | None], Path]], tell: Tell) -> Environment:
        env: dict[str, str] = {}
        unset: set[str] = set()
        for layer, at in layers:
            for name, value in layer.items():
                if value is None:
                    env.pop(name, None)
                    unset.add(name)
                else:
                    env[name] = self._text(value, (*at, name), tell)
                    unset.discard(name)
        return (MappingProxyType(env), frozenset(unset)) if env or unset else _NOTHING

    def _text(self, value: str, at: Path, tell: Tell) -> str:
        try:
            return resolve(value, tell)
        except Invalid as invalid:
            self._found.refuse(at, invalid)
            return value

    def _check_ports(self, env: Mapping[str, str], ports: Mapping[str, int], at: Path) -> None:
        first = next(iter(ports))
        injected = {"PORT": first} | {f"PORT_{name.upper().replace('-', '_')}": name for name in ports}
        for variable, name in injected.items():
            if env.get(variable, str(ports[name])) != str(ports[name]):
                port = ports[name] or "chosen when it starts"
                message = f"{variable} is {env[variable]!r}, but the service's port {name} is {port}"
                self._found.add((*at, "env", variable), message, "leave it out: it is set to the port")
