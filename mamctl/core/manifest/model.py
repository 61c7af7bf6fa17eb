"""The manifest as frozen values.

Everything here is resolved: durations are seconds, sizes are bytes, paths are absolute strings, `${}` is
substituted and ports are numbers. Equal manifests compare equal, which makes a reload a comparison.
"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass

from .account import SAME, Account
from .choices import Condition, Kind, Listener, OnDeath, Policy, Streams
from .hooks import NO_HOOKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .hooks import Hook, Moment
    from .ladder import External
    from .listening import Control
    from .replicas import Replicas
    from .schedules import Schedule
    from .steps import SmokeStep
    from .watching import Watch

EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Dependency:
    """One edge of the graph. `restart`: the dependant restarts too. Not `required`: waited for only while it starts."""

    condition: Condition
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """GET `url`; good when the status is one of `status` and the body holds the JSON subset `json`.

    `json` is the canonical text of the expected subset (`json.dumps(..., sort_keys=True)`), or None.
    """

    url: str
    status: tuple[int, ...] = (200,)
    json: str | None = None


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """A connection to `host`:`port` is accepted."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ExecProbe:
    """A command in the service's folder and environment exits 0."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogProbe:
    """A line of this incarnation's output matches the regular expression."""

    pattern: str


@dataclass(frozen=True, slots=True)
class NotifyProbe:
    """It says so itself: READY=1 over sd_notify, or with `fd` (s6's way) a line on that descriptor.

    `watchdog`: the seconds within which it must say WATCHDOG=1 again once it is ready.
    """

    fd: int | None = None
    watchdog: float | None = None


Check = HttpProbe | TcpProbe | ExecProbe | LogProbe | NotifyProbe


@dataclass(frozen=True, slots=True)
class Probe:
    """A check and its rhythm. Seconds. `failures`: how many in a row make the verdict bad."""

    check: Check
    timeout: float = 2.0
    interval: float = 10.0
    failures: int = 3


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a service is started again, how long after, and how often before it is given up. Seconds."""

    policy: Policy = Policy.ON_FAILURE
    delay: float = 0.5
    factor: float = 2.0
    max_delay: float = 30.0
    jitter: float = 0.1
    max_attempts: int | None = 5
    window: float = 300.0
    reset_after: float = 60.0


@dataclass(frozen=True, slots=True)
class Stop:
    """How it is asked to stop, and the seconds from that to KILL: by a signal's number, or first by a command."""

    signal: int = 15
    grace: float = 10.0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logs:
    """Rotation: bytes of one file and how many old ones are kept."""

    max_size: int = 10_000_000
    keep: int = 5
    streams: Streams = Streams.MERGED


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service may use: bytes of memory, all its processes together; open files and niceness, each of them.

    None: what the supervisor has itself.
    """

    memory: int | None = None
    open_files: int | None = None
    nice: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """One named port. `wanted` is the number of the manifest (None: `auto`), `number` the one chosen for this run.

    `held`: it is one of `sockets`, which the supervisor binds and passes on; else the service binds it by itself.
    """

    name: str
    wanted: int | None
    number: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service as the manifest wishes it."""

    name: str
    kind: Kind = Kind.SERVICE
    description: str = ""
    argv: tuple[str, ...] = ()
    cwd: str = "."
    # Named in the manifest and its env files, low to high already merged; without what is inherited or injected.
    env: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    unset: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    host: str = "127.0.0.1"
    ports: tuple[Port, ...] = ()
    listener: Listener = Listener.OURS
    depends_on: Mapping[str, Dependency] = field(default_factory=lambda: MappingProxyType({}))
    start_timeout: float | None = 30.0
    ready: Probe | None = None
    live: Probe | None = None
    restart: RestartPolicy = RestartPolicy()
    success_exit_codes: frozenset[int] = frozenset({0})
    stop: Stop = Stop()
    logs: Logs = Logs()
    limits: Limits = Limits()
    account: Account = SAME
    watch: Watch | None = None
    tty: bool = False
    profiles: frozenset[str] = frozenset()
    manual: bool = False
    essential: bool = False
    # None: keep under a detached supervisor, stop under one that belongs to a terminal.
    on_supervisor_death: OnDeath | None = None
    external: External | None = None
    # With `replicas`: the name in the manifest of what this is one of, and which.
    replica_of: str | None = None
    replica: int = 1
    schedule: Schedule | None = None
    hooks: Mapping[Moment, tuple[Hook, ...]] = field(default_factory=lambda: NO_HOOKS)
    # The types of events that it is told through its input; none: it is no listener.
    events: tuple[str, ...] = ()
    # Only for exporters: nothing here runs containers.
    image: str | None = None

    @property
    def service(self) -> str:
        """The name in the manifest, which its replicas share."""
        return self.replica_of or self.name

    @property
    def sockets(self) -> tuple[Port, ...]:
        """The ports that are bound for it, in the order in which it gets them."""
        return tuple([port for port in self.ports if port.held])

    @property
    def binds(self) -> tuple[Port, ...]:
        """The ports that it binds by itself and that nobody else may have."""
        return () if self.listener is Listener.ANY else tuple([port for port in self.ports if not port.held])

    @property
    def url(self) -> str | None:
        """Where people reach it: the first port over http, or None without ports."""
        if not self.ports:
            return None
        return f"http://{reachable(self.host)}:{self.ports[0].number}"


def reachable(host: str) -> str:
    """Return the host as a URL names it: where one that listens on all addresses is reached, IPv6 in brackets."""
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - read, not bound
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole wish: a name, the folder it lies in (absolute), and the services by name, in the order of the file.

    `files` are all the files that were read for it (manifest, override, includes, env files), absolute.
    `warnings` are sentences for `validate`, each with its place. `smoke` are the steps of `mamctl smoke`.
    `control`: the API's address over TCP, if it has one.
    """

    name: str
    path: str
    folder: str
    services: Mapping[str, ServiceSpec]
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    smoke: tuple[SmokeStep, ...] = ()
    control: Control | None = None
    # Of each service with the key `replicas`: how many there are, and how many the manifest's file says.
    replicas: Mapping[str, Replicas] = field(default_factory=lambda: MappingProxyType({}))


def needs_restart(old: ServiceSpec, new: ServiceSpec) -> bool:
    """Tell whether a changed manifest asks for a new process: what it is run as changed, not how it is watched."""
    return run_as(old) != run_as(new)


def _notifies(spec: ServiceSpec) -> NotifyProbe | None:
    """Return how it says that it is ready: that is in its environment, so it is part of what it is run as."""
    return spec.ready.check if spec.ready and isinstance(spec.ready.check, NotifyProbe) else None


def run_as(spec: ServiceSpec) -> tuple[object, ...]:
    """Return what a process of this service is made from; its `repr` is the same in every process."""
    inner = spec.external.spawned if spec.external else None
    return (
        spec.kind, spec.argv, spec.cwd, sorted(spec.env.items()), sorted(spec.unset), spec.host, spec.ports,
        spec.logs.streams, spec.limits, run_as(inner) if inner else None, _notifies(spec),
        spec.tty, spec.account, spec.replica, *(("events",) if spec.events else ()),
    )  # fmt: skip
