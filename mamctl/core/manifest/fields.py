"""The one table of the manifest's keys. The parser reads by it, and the JSON Schema is printed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from .account_shapes import MEMBER, UMASK
from .choices import Condition, Kind, Listener, OnDeath, Policy, Streams
from .containers import Field, Keys, ListOf, MapOf, MapOfNullable, OneOrMore, Record, Shared
from .event_types import EVENT_TYPE
from .forms import COMMAND, DESCRIPTOR, NOTIFY, PORT, PREFERENCE, RELEASE, SHORT_WATCH, STEP, TCP, WATCH, WATCHED
from .hook_shapes import HOOK, HOOKS
from .model import Limits, Logs, RestartPolicy
from .replicas import MOST
from .schedule_shapes import SCHEDULE, SHORT_SCHEDULE
from .shapes import (
    ANYTHING,
    ENV_NAME_PATTERN,
    FILLED,
    FIXED,
    FLAG,
    HOST,
    MEMORY,
    NAME,
    NAME_HINT,
    NAME_PATTERN,
    PORT_NAME_PATTERN,
    SIGNAL,
    SIZE,
    TEXT,
    WORD,
    Scalar,
    Schema,
    choice,
    duration,
    is_env_name,
    is_name,
    is_port_name,
    real,
    whole,
)
from .wishes import DependencyWish, NamedFile, ProbeWish, ServiceWish, StopWish

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE_KEYS: Final = Keys(is_name, NAME_PATTERN, "a name", NAME_HINT)
ENV_KEYS: Final = Keys(is_env_name, ENV_NAME_PATTERN, "the name of a variable", "it has no '=' and is not empty")
PORT_KEYS: Final = Keys(
    is_port_name, PORT_NAME_PATTERN, "the name of a port", "use letters, digits, _ and -, beginning with a letter"
)
_STATUS: Final = whole(100, 599)
_POSITIVE: Final = duration(zero=False)

RESTART: Final = Shared(
    RestartPolicy,
    {
        "policy": Field(choice(Policy), "After which exits it is started again."),
        "delay": Field(duration(zero=True), "Before the first restart. Default 500ms; may be 0."),
        "factor": Field(real(1, 1000), "By which the delay grows. Default 2."),
        "max_delay": Field(duration(zero=True), "The longest delay. Default 30s."),
        "jitter": Field(real(0, 1), "The part of the delay that is random. Default 0.1."),
        "max_attempts": Field(whole(0, 10**9), "Restarts before it is given up; null: no limit. Default 5.", null=True),
        "window": Field(_POSITIVE, "In which restarts are counted. Default 5m."),
        "reset_after": Field(duration(zero=True), "Ready time after which the count begins anew. Default 60s."),
    },
    reference="restart",
)

STOP: Final = Record(
    StopWish,
    {
        "signal": Field(SIGNAL, "The signal that asks it to stop. Default TERM."),
        "grace": Field(duration(zero=True), "From the signal to KILL. Default 10s."),
        "command": Field(COMMAND, "Run first, instead of the signal; if it fails, the signal is sent."),
    },
    reference="stop",
)

LOGS: Final = Shared(
    Logs,
    {
        "max_size": Field(SIZE, "Of one file, before it is rotated. Default 10MB."),
        "keep": Field(whole(0, 10_000), "How many rotated files are kept. Default 5."),
        "streams": Field(choice(Streams), "One file in exact order, or one for each of stdout and stderr."),
    },
    reference="logs",
)

LIMITS: Final = Shared(
    Limits,
    {
        "memory": Field(MEMORY, "Of all its processes together; beyond it, it is restarted."),
        "open_files": Field(whole(3, 2**30), "Open files of each process."),
        "nice": Field(whole(-20, 19), "How much it gives way to others: 19 the most, below 0 only with the right."),
    },
    reference="limits",
)

PROBE: Final = Record(
    ProbeWish,
    {
        "http": Field(FILLED, "A path on the first port, or a URL."),
        "tcp": Field(TCP, "The name of a port, or host:port."),
        "exec": Field(COMMAND, "A command that exits 0."),
        "log": Field(FILLED, "A regular expression that a line of output matches."),
        "notify": Field(NOTIFY, "True: READY=1 over sd_notify; {fd: 3}: a line on that descriptor. Only in ready."),
        "watchdog": Field(_POSITIVE, "With notify: true; how often it must say WATCHDOG=1, else it is restarted."),
        "status": Field(OneOrMore(_STATUS), "HTTP statuses that are good. Default [200]."),
        "json": Field(ANYTHING, "What the JSON answer must contain."),
        "timeout": Field(_POSITIVE, "For one attempt. Default 2s."),
        "interval": Field(_POSITIVE, "Between attempts once ready. Default 10s."),
        "failures": Field(whole(1, 10**6), "How many in a row make the verdict bad. Default 3."),
    },
    reference="probe",
)

DEPENDENCY: Final = Shared(
    DependencyWish,
    {
        "condition": Field(choice(Condition), "What is waited for. Default: completed for a task, else ready."),
        "required": Field(FLAG, "False: wait only while it is starting. Default true."),
        "restart": Field(FLAG, "Restart with the dependency. Default false."),
    },
    reference="dependency",
)

ENV_FILE: Final = Record(
    NamedFile,
    {
        "path": Field(FIXED, "Relative to the file that names it."),
        "required": Field(FLAG, "False: it may be missing. Default true."),
    },
    reference="env_file",
)

ENV: Final = MapOfNullable(WORD, ENV_KEYS)
ENV_FILES: Final = ListOf(ENV_FILE)


_ENV_FILE_FORMS: Final[list[Schema]] = [FILLED.schema(), ENV_FILE.schema()]
_SHORT_ENV_FILES: Final[Schema] = {"anyOf": [*_ENV_FILE_FORMS, {"type": "array", "items": {"anyOf": _ENV_FILE_FORMS}}]}
_EDGE_FORMS: Final[list[Schema]] = [choice(Condition).schema(), DEPENDENCY.schema()]
_SHORT_DEPENDENCIES: Final[Schema] = {
    "anyOf": [
        {"type": "array", "items": {"anyOf": [NAME.schema(), {"type": "integer"}]}},
        SERVICE_KEYS.schema() | {"additionalProperties": {"anyOf": _EDGE_FORMS}},
    ]
}

SERVICE_FIELDS: Final[Mapping[str, Field]] = {
    "kind": Field(choice(Kind), "service: kept running; task: run to its end; external: observed."),
    "description": Field(TEXT, "What it is, for people."),
    "command": Field(COMMAND, "A list is executed as it is; a string is split as a shell would."),
    "shell": Field(FLAG, "Give the command, a string, to /bin/sh -c. Default false."),
    "cwd": Field(FIXED, "The folder it runs in, relative to the manifest."),
    "env": Field(ENV, "Environment variables; null removes one."),
    "env_file": Field(ENV_FILES, "Files with environment variables.", _SHORT_ENV_FILES),
    "secrets": Field(ListOf(FIXED), "Names of variables whose values are masked wherever we print."),
    "host": Field(HOST, "The address it listens on. Default 127.0.0.1."),
    "port": Field(PORT, "Short for ports: {http: ...}."),
    "ports": Field(MapOf(PORT, PORT_KEYS), "Named ports; the first is the one that people reach."),
    "sockets": Field(MapOf(PORT, PORT_KEYS), "Named ports that are bound for it, kept while it restarts: LISTEN_FDS."),
    "listener": Field(choice(Listener), "Whether the listener must belong to its own processes. Default ours."),
    "depends_on": Field(MapOf(DEPENDENCY, SERVICE_KEYS), "What must be there first.", _SHORT_DEPENDENCIES),
    "start_timeout": Field(_POSITIVE, "From spawn to ready. Default 30s; null: no limit.", null=True),
    "ready": Field(PROBE, "When it is ready; null: without a probe. Default: tcp on its port.", null=True),
    "live": Field(PROBE, "Restarts it when it fails."),
    "health": Field(PROBE, "Short for the same probe in ready and live.", FILLED.schema()),
    "restart": Field(RESTART, "When it is started again.", choice(Policy).schema()),
    "success_exit_codes": Field(OneOrMore(whole(0, 255)), "Exit codes that count as clean. Default [0]."),
    "stop": Field(STOP, "How it is stopped."),
    "logs": Field(LOGS, "How its output is kept."),
    "limits": Field(LIMITS, "What it may use."),
    "watch": Field(WATCH, "Restarts it when files change: true, paths, or a map; false: not.", SHORT_WATCH),
    "user": Field(MEMBER, "The user that it runs as, by name or number. Default: the supervisor's."),
    "group": Field(MEMBER, "The group that it runs as. Default: the user's."),
    "umask": Field(UMASK, "The rights that its new files do not get, in octal digits: 027."),
    "tty": Field(FLAG, "True: a terminal of its own, for mamctl attach. Default false."),
    "profiles": Field(ListOf(NAME), "Started only with one of these profiles, when named, or when depended on."),
    "manual": Field(FLAG, "True: never started by up. Default false."),
    "essential": Field(FLAG, "True: when it fails, everything is stopped. Default false."),
    "on_supervisor_death": Field(choice(OnDeath), "Whether it outlives a supervisor that dies. Default: if detached."),
    "identify": Field(PROBE, "External: who must answer."),
    "acquire": Field(ListOf(STEP), "External: how it is acquired, in order. Default [attach]."),
    "release": Field(RELEASE, "External: what happens to one that was not started here."),
    "events": Field(ListOf(EVENT_TYPE), "It is told these, in supervisord's protocol for event listeners."),
    "hooks": Field(HOOKS, "What is run or called when something happens to it."),
    "schedule": Field(SCHEDULE, "Task: at which times it runs, and not at once.", SHORT_SCHEDULE),
    "image": Field(FILLED, "The container image that it is in; only for `mamctl export`."),
    "replicas": Field(whole(0, MOST), "How many of it run: NAME-1, NAME-2 ... Without the key: one, by its own name."),
}

SERVICE: Final = Record(
    ServiceWish,
    SERVICE_FIELDS,
    reference="service",
    excludes=(
        ("port", "ports", "port is short for ports: {http: ...}; keep one of them"),
        ("health", "ready", "health is short for the same probe in ready and live; keep one of them"),
        ("health", "live", "health is short for the same probe in ready and live; keep one of them"),
    ),
)

# Read apart, by `control`: few manifests have it.
_CONTROL: Final = Scalar(ANYTHING.parse, {"$ref": "#/$defs/control"})
# Read apart, by `step_building`: few manifests have steps, and the table of their keys takes a millisecond to make.
_STEPS: Final = Scalar(ANYTHING.parse, {"type": "array", "items": {"$ref": "#/$defs/smoke_step"}})

MANIFEST_FIELDS: Final[Mapping[str, Field]] = {
    "name": Field(NAME, "The project's name. Default: the folder's."),
    "env": Field(ENV, "Environment variables of every service; null removes one."),
    "env_file": Field(ENV_FILES, "Files with environment variables of every service.", _SHORT_ENV_FILES),
    "defaults": Field(SERVICE, "Keys merged beneath each service."),
    "services": Field(MapOfNullable(SERVICE, SERVICE_KEYS), "The services by name."),
    "include": Field(OneOrMore(FIXED), "Other manifests, each with its own env, defaults and folder."),
    "control": Field(_CONTROL, "The control API over TCP; the Unix socket is always there."),
    "smoke": Field(_STEPS, "The steps of `mamctl smoke`, in their order."),
}


class Defined(Protocol):
    """A record as the schema sees it: a named definition."""

    reference: str

    def definition(self) -> Schema:
        """Return the definition."""


RECORDS: Final[tuple[Defined, ...]] = (
    SERVICE, PROBE, RESTART, STOP, LOGS, LIMITS, WATCHED, DEPENDENCY, ENV_FILE, PREFERENCE, DESCRIPTOR,
    SCHEDULE, HOOKS, HOOK,
)  # fmt: skip
