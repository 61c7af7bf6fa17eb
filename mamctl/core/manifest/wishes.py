"""A service as its keys say it: read and checked one by one, before ports are chosen and references told."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .choices import Condition, Kind, Listener, OnDeath
from .model import Limits, Logs, RestartPolicy

if TYPE_CHECKING:
    from .findings import Tree
    from .hook_shapes import HookWishes
    from .schedules import Schedule
    from .watching import Watch

# A string is split, or given to a shell, once its references are told.
Command = str | tuple[str, ...]


class PortWish(NamedTuple):
    """A number (None: `auto`), and whether another may be chosen when it is taken: with `last` only one up to that."""

    wanted: int | None
    fallback: bool = False
    last: int | None = None


class NotifyWish(NamedTuple):
    """How a service says that it is ready: over sd_notify, or by a line on a descriptor."""

    fd: int | None = None


class ProbeWish(NamedTuple):
    """A probe's keys. Seconds."""

    http: str | None = None
    tcp: str | None = None
    exec: Command | None = None
    log: str | None = None
    notify: NotifyWish | None = None
    watchdog: float | None = None
    status: tuple[int, ...] | None = None
    json: object = None
    timeout: float = 2.0
    interval: float = 10.0
    failures: int = 3

    @property
    def checks(self) -> tuple[str, ...]:
        """The keys of its checks; a good probe has one."""
        given = {"http": self.http, "tcp": self.tcp, "exec": self.exec, "log": self.log, "notify": self.notify}
        return tuple(key for key, value in given.items() if value is not None)


class DependencyWish(NamedTuple):
    """An edge; without a condition the default of the dependency's kind holds."""

    condition: Condition | None = None
    required: bool = True
    restart: bool = False


class NamedFile(NamedTuple):
    """A file that a manifest names, by its absolute path, and whether it must exist."""

    path: str = ""
    required: bool = True


class StepKind(StrEnum):
    """How an external service is acquired."""

    ATTACH = "attach"
    RUN = "run"
    SPAWN = "spawn"


class Step(NamedTuple):
    """One step of the ladder; a spawn step with the keys of the service to spawn, a run step with its command."""

    kind: StepKind
    spawn: Tree
    run: Command = ()


class StopWish(NamedTuple):
    """How a service is asked to stop: `command` first, if there is one. Seconds."""

    signal: int = 15
    grace: float = 10.0
    command: Command | None = None


class ServiceWish(NamedTuple):
    """A service's keys. Where the default depends on other keys, it is None here."""

    kind: Kind = Kind.SERVICE
    description: str = ""
    command: Command | None = None
    shell: bool = False
    cwd: str | None = None
    env: dict[str, str | None] = {}  # noqa: RUF012 - never changed; a NamedTuple's default cannot be a proxy
    env_file: tuple[NamedFile, ...] = ()
    secrets: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: PortWish | None = None
    ports: dict[str, PortWish] = {}  # noqa: RUF012 - as above
    sockets: dict[str, PortWish] = {}  # noqa: RUF012 - as above
    listener: Listener = Listener.OURS
    depends_on: dict[str, DependencyWish] = {}  # noqa: RUF012 - as above
    start_timeout: float | None = 30.0
    ready: ProbeWish | None = None
    live: ProbeWish | None = None
    health: ProbeWish | None = None
    identify: ProbeWish | None = None
    acquire: tuple[Step, ...] = (Step(StepKind.ATTACH, {}),)
    # None: leave it.
    release: Command | None = None
    restart: RestartPolicy | None = None
    success_exit_codes: tuple[int, ...] = (0,)
    stop: StopWish = StopWish()
    logs: Logs = Logs()
    limits: Limits = Limits()
    user: str | None = None
    group: str | None = None
    umask: int | None = None
    watch: Watch | None = None
    tty: bool = False
    profiles: tuple[str, ...] = ()
    manual: bool = False
    essential: bool = False
    on_supervisor_death: OnDeath | None = None
    schedule: Schedule | None = None
    events: tuple[str, ...] = ()
    hooks: HookWishes = {}  # noqa: RUF012 - as above
    replicas: int | None = None
    image: str | None = None

    @property
    def listens(self) -> dict[str, PortWish]:
        """All that it listens on; the first is the one that people reach, and a held socket comes first."""
        return {**self.sockets, **self.ports} if self.sockets else self.ports
