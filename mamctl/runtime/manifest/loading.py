"""From a file to a manifest: all files are read, all problems collected, and only then are ports asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.errors import ManifestError, Problem
from mamctl.core.manifest.account import Account
from mamctl.core.manifest.building import build
from mamctl.core.manifest.checks import check, ephemeral, unproven
from mamctl.core.manifest.draft import Drafted, all_drafted, draft
from mamctl.core.manifest.findings import Findings, Path
from mamctl.core.manifest.model import Manifest
from mamctl.core.manifest.naming import project_name
from mamctl.core.manifest.replicas import replicate

from .files import Files
from .schedules import check_schedules

if TYPE_CHECKING:
    from mamctl.core.manifest.listening import Control
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.manifest.replicas import Cast
    from mamctl.core.manifest.steps import SmokeStep

_LOCAL_PORTS: Final = "/proc/sys/net/ipv4/ip_local_port_range"


class PortRequest(NamedTuple):
    """A port that a service needs. `wanted` None: any. `fallback`: another may be chosen when it is taken.

    `last`: only one from `wanted` to this.
    """

    service: str
    name: str
    host: str
    wanted: int | None
    fallback: bool
    last: int | None = None


Numbers = Mapping[tuple[str, str], int]
Assign = Callable[[Sequence[PortRequest]], Numbers]
Counts = Mapping[str, int]
_AS_WRITTEN: Final[Counts] = MappingProxyType({})


def preferred(requests: Sequence[PortRequest]) -> Numbers:
    """Return the wanted numbers, and 0 where any would do: for looking at a manifest without choosing anything."""
    return {(request.service, request.name): request.wanted or 0 for request in requests}


def load(
    path: str, *, environ: Mapping[str, str], assign: Assign = preferred, replicas: Counts = _AS_WRITTEN
) -> Manifest:
    """Return the manifest of a file; `environ` is what `${}` sees, `assign` chooses the ports.

    `replicas`: how many there are of services that were scaled; it means nothing to any other. Raises `ManifestError`
    with all problems, and `UsageError` when the file is not there or cannot be read. `assign` is called once, when
    nothing is wrong.
    """
    return _Loading(path, environ, replicas).manifest(assign)


def inspect(path: str, *, environ: Mapping[str, str]) -> Manifest:
    """Return the manifest as `load` does, with warnings; no port is chosen: `auto` reads 0."""
    return _Loading(path, environ).manifest(preferred, warn=True)


class _Loading:
    def __init__(self, path: str, environ: Mapping[str, str], replicas: Counts = _AS_WRITTEN) -> None:
        self._path = os.path.abspath(path)
        self._scaled = replicas
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
        pairs = self._files.service_env_files(drafts)
        cast = replicate(drafts, self._scaled, self._found)
        check(cast.drafts, self._found)
        check_schedules(drafts.values(), self._found)
        answers_at = self._control(unit.control, cast.drafts)
        # From here on nothing new can be wrong but what the chosen ports bring.
        services, steps = self._services(cast, pairs, assign)
        return Manifest(
            name=name,
            path=self._path,
            folder=folder,
            services=MappingProxyType(services),
            files=tuple(self._files.read),
            warnings=self._warnings(cast.drafts) if warn else (),
            smoke=steps,
            control=answers_at,
            replicas=MappingProxyType(dict(cast.replicas)),
        )

    def _control(self, written: object, drafts: Mapping[str, Drafted]) -> Control | None:
        if written is None:
            return None
        from mamctl.core.manifest.control import control  # few manifests have it

        return control(written, os.path.dirname(self._path), drafts, self._found)

    def _services(
        self, cast: Cast, pairs: Mapping[str, Mapping[str, str]], assign: Assign
    ) -> tuple[dict[str, ServiceSpec], tuple[SmokeStep, ...]]:
        requests = _requests(cast.drafts)
        numbers = preferred(requests)
        built = self._built(cast, numbers, pairs)
        chosen = numbers if assign is preferred else assign(requests)
        return built if chosen == numbers else self._built(cast, chosen, pairs)

    def _built(
        self, cast: Cast, numbers: Numbers, pairs: Mapping[str, Mapping[str, str]]
    ) -> tuple[dict[str, ServiceSpec], tuple[SmokeStep, ...]]:
        services = build(cast.drafts, numbers, pairs, self._found, cast.families)
        steps: tuple[SmokeStep, ...] = ()
        if self._files.smoke:
            from mamctl.core.manifest.step_building import build_steps  # Most manifests have none.

            steps = build_steps(self._files.smoke, cast.drafts, numbers, self._found, cast.families)
        self._files.refuse()
        return services, steps

    def _warnings(self, drafts: Mapping[str, Drafted]) -> tuple[str, ...]:
        local = _local_ports()
        findings = Findings()
        ports = ephemeral(drafts, local) if local else ()
        for at, message in (*ports, *unproven(drafts), *_foreign(drafts), *_unseen(drafts)):
            findings.add(at, message)
        return tuple(str(problem) for problem in self._files.places().problems(findings.all))


def _foreign(drafts: Mapping[str, Drafted]) -> Iterator[tuple[Path, str]]:
    """Yield where a service is to run as somebody that does not exist, or that we may not become."""
    for _, drafted in all_drafted(drafts):
        wish = drafted.wish
        if wish.user is None and wish.group is None:
            continue
        from mamctl.runtime.accounts import complaint  # few services have a user

        if why := complaint(Account(wish.user, wish.group)):
            yield (*drafted.at, "user" if wish.user is not None else "group"), why


def _unseen(drafts: Mapping[str, Drafted]) -> Iterator[tuple[Path, str]]:
    """Yield each path to be watched that is not there: it may be mistyped, or not be there yet."""
    for _, drafted in all_drafted(drafts):
        for index, path in enumerate(drafted.wish.watch.paths if drafted.wish.watch else ()):
            if not os.path.lexists(path):
                yield (*drafted.at, "watch", "paths", index), f"{path} is not there; it is watched once it appears"


def _requests(drafts: Mapping[str, Drafted]) -> list[PortRequest]:
    return [
        PortRequest(name, port, drafted.wish.host, wish.wanted, wish.fallback, wish.last)
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
