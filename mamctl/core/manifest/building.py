"""Wishes become services: ports numbered, references told, environments merged, defaults applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .account import Account
from .choices import Condition, Kind, Policy
from .commands import argv
from .environments import Environments
from .findings import Findings, Invalid, Path
from .hook_building import build_hooks
from .interpolation import resolve
from .ladder import LOOK, External, Starter
from .model import Dependency, Port, Probe, RestartPolicy, ServiceSpec, Stop, TcpProbe, reachable
from .probes import Ground, probe
from .references import References
from .replicas import NO_FAMILIES
from .wishes import Command, DependencyWish, ProbeWish, StepKind

if TYPE_CHECKING:
    from .draft import Drafted
    from .interpolation import Tell
    from .ladder import Rung
    from .replicas import Families

Numbers = Mapping[tuple[str, str], int]
Pairs = Mapping[str, Mapping[str, str]]
_ALWAYS: Final = RestartPolicy()
_NEVER: Final = RestartPolicy(policy=Policy.NEVER)
_NO_EDGES: Final[Mapping[str, Dependency]] = MappingProxyType({})


def build(
    drafts: Mapping[str, Drafted], numbers: Numbers, pairs: Pairs, found: Findings, families: Families = NO_FAMILIES
) -> dict[str, ServiceSpec]:
    """Return the services; `numbers` are all their ports by service and name, `pairs` their env files by path.

    `families`: the names of the replicas by service.
    """
    return _Builder(drafts, numbers, pairs, found, families).all()


class _Builder:
    def __init__(
        self, drafts: Mapping[str, Drafted], numbers: Numbers, pairs: Pairs, found: Findings, families: Families
    ) -> None:
        self._drafts = drafts
        self._numbers = numbers
        self._found = found
        self._references = References(drafts, numbers, families)
        self._environments = Environments(pairs, self._references.tell, found)
        self._dependencies: dict[tuple[DependencyWish, Condition], Dependency] = {}

    def all(self) -> dict[str, ServiceSpec]:
        return {name: self._with_external(name, drafted) for name, drafted in self._drafts.items()}

    def _with_external(self, name: str, drafted: Drafted) -> ServiceSpec:
        spec = self._spec(name, drafted)
        if drafted.wish.kind is not Kind.EXTERNAL:
            return spec
        identify = self._identify(name, drafted)
        tell = self._references.seen_from(name, drafted)
        spawned = self._spec(name, drafted.spawned) if drafted.spawned else None
        release = self._command(drafted.wish.release, (*drafted.at, "release", "run"), tell)
        # Without a good `identify` there is a finding, so this service is never used.
        return spec if identify is None else replace(
            spec, external=External(identify, tuple(self._rungs(drafted, tell)), spawned, release)
        )  # fmt: skip

    def _rungs(self, drafted: Drafted, tell: Tell) -> Iterator[Rung]:
        """Yield the steps of a ladder before the spawn, which is always the last: it leads to the end or to none."""
        for index, step in enumerate(drafted.wish.acquire):
            if step.kind is StepKind.ATTACH:
                yield LOOK
            elif step.kind is StepKind.RUN:
                yield Starter(self._command(step.run, (*drafted.at, "acquire", index, "run"), tell))

    def _spec(self, name: str, drafted: Drafted) -> ServiceSpec:
        wish = drafted.wish
        listens = wish.listens
        ports = {port: self._numbers[name, port] for port in listens}
        tell = self._references.seen_from(name, drafted)
        ground = Ground(wish.host, ports, tell, wish.sockets)
        env, unset = self._environments.of(drafted, ports, tell)
        return ServiceSpec(
            name=name,
            kind=wish.kind,
            description=self._text(wish.description, (*drafted.at, "description"), tell),
            argv=self._argv(drafted, tell),
            cwd=wish.cwd or drafted.entry.folder,
            env=env,
            unset=unset,
            secrets=frozenset(wish.secrets),
            host=wish.host,
            ports=tuple([Port(port, listens[port].wanted, ports[port], port in wish.sockets) for port in ports]),
            listener=wish.listener,
            depends_on=self._edges(wish.depends_on),
            start_timeout=_start_timeout(drafted),
            ready=self._ready(drafted, ground),
            live=self._probe("live", wish.live, drafted, ground),
            restart=_restart(drafted),
            success_exit_codes=frozenset(wish.success_exit_codes),
            stop=self._stop(drafted, tell),
            logs=wish.logs,
            limits=wish.limits,
            account=Account(wish.user, wish.group, wish.umask),
            watch=wish.watch and wish.watch.of(wish.cwd or drafted.entry.folder),
            tty=wish.tty,
            profiles=frozenset(wish.profiles),
            manual=wish.manual,
            essential=wish.essential,
            on_supervisor_death=wish.on_supervisor_death,
            schedule=wish.schedule,
            events=tuple(dict.fromkeys(wish.events)),
            hooks=build_hooks(wish.hooks, (*drafted.at, "hooks"), tell, self._found),
            replica_of=drafted.replica_of,
            replica=drafted.replica,
            image=wish.image and self._text(wish.image, (*drafted.at, "image"), tell),
        )

    def _text(self, text: str, at: Path, tell: Tell) -> str:
        try:
            return resolve(text, tell)
        except Invalid as invalid:
            self._found.refuse(at, invalid)
            return text

    def _stop(self, drafted: Drafted, tell: Tell) -> Stop:
        wish = drafted.wish.stop
        return Stop(wish.signal, wish.grace, self._command(wish.command, (*drafted.at, "stop", "command"), tell))

    def _command(self, command: Command | None, at: Path, tell: Tell) -> tuple[str, ...]:
        """Return the words of a command beside the service's own; none where there is none, or a finding."""
        try:
            return argv(command, tell) if command else ()
        except Invalid as invalid:
            self._found.refuse(at, invalid)
            return ()

    def _argv(self, drafted: Drafted, tell: Tell) -> tuple[str, ...]:
        wish = drafted.wish
        if wish.command is None:
            return ()
        try:
            return argv(wish.command, tell, shell=wish.shell)
        except Invalid as invalid:
            self._found.refuse((*drafted.at, "command"), invalid)
            return ()

    def _ready(self, drafted: Drafted, ground: Ground) -> Probe | None:
        if "ready" in drafted.raw:
            return self._probe("ready", drafted.wish.ready, drafted, ground)
        # A connection to a held socket is accepted by us, so it proves nothing.
        own = [number for port, number in ground.ports.items() if port not in ground.held]
        if not own or drafted.wish.kind is not Kind.SERVICE:
            return None
        return Probe(TcpProbe(reachable(ground.host).strip("[]"), own[0]))

    def _probe(self, key: str, wish: ProbeWish | None, drafted: Drafted, ground: Ground) -> Probe | None:
        # A task has no probes and an external service only `identify`; saying so is enough.
        if wish is None or (drafted.wish.kind is not Kind.SERVICE and key != "identify") or not drafted.ports_are_good:
            return None
        at = (*drafted.at, key)
        if wish.log is not None and key != "ready":
            self._found.add((*at, "log"), "a line of output can tell only that a service is ready", "use http or exec")
        if wish.notify is not None and key != "ready":
            self._found.add((*at, "notify"), "a service can say only that it is ready", "write it in ready")
        return probe(wish, drafted.raw[key], at, ground, self._found)

    def _identify(self, name: str, drafted: Drafted) -> Probe | None:
        ports = {port: self._numbers[name, port] for port in drafted.ports}
        ground = Ground(drafted.wish.host, ports, self._references.tell)
        return self._probe("identify", drafted.wish.identify, drafted, ground)

    def _edges(self, wishes: Mapping[str, DependencyWish]) -> Mapping[str, Dependency]:
        if not wishes:
            return _NO_EDGES
        return MappingProxyType({name: self._edge(name, wish) for name, wish in wishes.items()})

    def _edge(self, name: str, wish: DependencyWish) -> Dependency:
        target = self._drafts.get(name)
        task = target is not None and target.wish.kind is Kind.TASK
        condition = wish.condition or (Condition.COMPLETED if task else Condition.READY)
        edge = self._dependencies.get((wish, condition))
        if edge is None:
            edge = Dependency(condition, required=wish.required, restart=wish.restart)
            self._dependencies[wish, condition] = edge
        return edge


def _start_timeout(drafted: Drafted) -> float | None:
    if drafted.wish.kind is Kind.TASK and "start_timeout" not in drafted.raw:
        return None
    return drafted.wish.start_timeout


def _restart(drafted: Drafted) -> RestartPolicy:
    restart = drafted.wish.restart
    if drafted.wish.kind is not Kind.TASK:
        return restart or _ALWAYS
    if restart is None:
        return _NEVER
    written = drafted.raw["restart"]
    says = isinstance(written, dict) and isinstance(written.get("policy"), str)
    return restart if says else replace(restart, policy=Policy.NEVER)
