"""From a file to a manifest: all files are read, all problems collected, and only then are ports asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.errors import ManifestError, Problem
from mamctl.core.manifest.building import build
from mamctl.core.manifest.checks import check, ephemeral, unproven
from mamctl.core.manifest.draft import Drafted, draft
from mamctl.core.manifest.findings import Findings
from mamctl.core.manifest.model import Manifest
from mamctl.core.manifest.naming import project_name

from .files import Files

if TYPE_CHECKING:
    from mamctl.core.manifest.listening import Control
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.manifest.steps import SmokeStep

_LOCAL_PORTS: Final = "/proc/sys/net/ipv4/ip_local_port_range"


class PortRequest(NamedTuple):
    """A port that a service needs. `wanted` None: any. `fallback`: another may be chosen when it is taken."""

    service: str
    name: str
    host: str
    wanted: int | None
    fallback: bool


Numbers = Mapping[tuple[str, str], int]
Assign = Callable[[Sequence[PortRequest]], Numbers]


def preferred(requests: Sequence[PortRequest]) -> Numbers:
    """Return the wanted numbers, and 0 where any would do: for looking at a manifest without choosing anything."""
    return {(request.service, request.name): request.wanted or 0 for request in requests}


def load(path: str, *, environ: Mapping[str, str], assign: Assign = preferred) -> Manifest:
    """Return the manifest of a file; `environ` is what `${}` sees, `assign` chooses the ports.

    Raises `ManifestError` with all problems, and `UsageError` when the file is not there or cannot be read. `assign` is
    called once, when nothing is wrong.
    """
    return _Loading(path, environ).manifest(assign)


def inspect(path: str, *, environ: Mapping[str, str]) -> Manifest:
    """Return the manifest as `load` does, with warnings; no port is chosen: `auto` reads 0."""
    return _Loading(path, environ).manifest(preferred, warn=True)


class _Loading:
    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        self._path = os.path.abspath(path)
        self._found = Findings()
        self._files = Files(self._path, environ, self._found)

    def manifest(self, assign: Assign, *, warn: bool = False) -> Manifest:
        try:
            return self._manifest(assign, warn=warn)
        except RecursionError:
            file = os.path.basename(self._path)
            raise ManifestError((Problem(file, 1, 1, "", "is nested too deeply"),)) from None

    def _manifest(self, assign: Assign, *, warn: bool) -> Manifest:
        unit = self._files.root()
        folder = os.path.dirname(self._path)
        name = project_name(unit.name, folder, self._found)
        drafts = draft(unit.services, self._found)
        if self._files.broken:
            # What depends on services of a file that could not be read is no second problem.
            self._files.refuse()
        check(drafts, self._found)
        answers_at = self._control(unit.control, drafts)
        pairs = self._files.service_env_files(drafts)
        # From here on nothing new can be wrong but what the chosen ports bring.
        services, steps = self._services(drafts, pairs, assign)
        return Manifest(
            name=name,
            path=self._path,
            folder=folder,
            services=MappingProxyType(services),
            files=tuple(self._files.read),
            warnings=self._warnings(drafts) if warn else (),
            smoke=steps,
            control=answers_at,
        )

    def _control(self, written: object, drafts: Mapping[str, Drafted]) -> Control | None:
        if written is None:
            return None
        from mamctl.core.manifest.control import control  # few manifests have it

        return control(written, os.path.dirname(self._path), drafts, self._found)

    def _services(
        self, drafts: Mapping[str, Drafted], pairs: Mapping[str, Mapping[str, str]], assign: Assign
    ) -> tuple[dict[str, ServiceSpec], tuple[SmokeStep, ...]]:
        requests = _requests(drafts)
        numbers = preferred(requests)
        built = self._built(drafts, numbers, pairs)
        chosen = numbers if assign is preferred else assign(requests)
        return built if chosen == numbers else self._built(drafts, chosen, pairs)

    def _built(
        self, drafts: Mapping[str, Drafted], numbers: Numbers, pairs: Mapping[str, Mapping[str, str]]
    ) -> tuple[dict[str, ServiceSpec], tuple[SmokeStep, ...]]:
        services = build(drafts, numbers, pairs, self._found)
        steps: tuple[SmokeStep, ...] = ()
        if self._files.smoke:
            from mamctl.core.manifest.step_building import build_steps  # Most manifests have none.

            steps = build_steps(self._files.smoke, drafts, numbers, self._found)
        self._files.refuse()
        return services, steps

    def _warnings(self, drafts: Mapping[str, Drafted]) -> tuple[str, ...]:
        local = _local_ports()
        findings = Findings()
        for at, message in (*(ephemeral(drafts, local) if local else ()), *unproven(drafts)):
            findings.add(at, message)
        return tuple(str(problem) for problem in self._files.places().problems(findings.all))


def _requests(drafts: Mapping[str, Drafted]) -> list[PortRequest]:
    return [
        PortRequest(name, port, drafted.wish.host, wish.wanted, wish.fallback)
        for name, drafted in drafts.items()
        for port, wish in drafted.ports.items()
    ]


def _local_ports() -> tuple[int, int] | None:
    """Return the range from which the system takes ports for outgoing connections, where it can be read."""
    try:
        with open(_LOCAL_PORTS, encoding="ascii") as file:
            low, high = file.read().split()
    except (OSError, ValueError):
        return None
    return int(low), int(high)
