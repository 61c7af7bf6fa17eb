"""What the API answers, as typed documents: the OpenAPI document and `mamctl.Client` have their types from here.

Documents may gain keys in later versions; none is renamed. Times in `_s` are seconds, `at` and `timestamp` are UTC.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

State = Literal["stopped", "waiting", "starting", "ready", "unhealthy", "backoff", "stopping", "completed", "failed"]
Reason = Literal[
    "by_operator", "dependency_failed", "dependency_waiting", "spawn_failed", "command_not_found", "port_taken",
    "start_timeout", "exited", "killed", "oom", "memory_limit", "watchdog", "liveness_failed", "gave_up",
    "config_error", "absent", "wrong_service", "unsupervised_exit", "changed_on_disk", "scheduled",
]  # fmt: skip


class Problem(TypedDict):
    """One thing wrong in the manifest."""

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str | None


class Error(TypedDict):
    """Why a request was refused."""

    error: Annotated[str, "What, which and why."]
    code: Annotated[str, "One word for programs."]
    hint: Annotated[str | None, "What to do next."]
    timestamp: str
    problems: NotRequired[Annotated[list[Problem], "With the code manifest_invalid: all that is wrong in it."]]


class Health(TypedDict):
    """The supervisor answers."""

    status: Literal["healthy"]


class SupervisorRow(TypedDict):
    """The supervisor itself. `generation`: how many there were of this stack."""

    pid: int
    guardian_pid: int | None
    version: str
    uptime_s: float
    generation: int


class ServiceRow(TypedDict):
    """One service. `attempt`: restarts that count against its budget, of `max_attempts`; `restarts`: all automatic."""

    name: str
    service: str
    kind: Literal["service", "task", "external"]
    ownership: Literal["managed", "external", "adopted"]
    wanted: Literal["up", "down"]
    state: State
    reason: Reason | None
    detail: Annotated[str | None, "The sentence that people read."]
    pid: int | None
    generation: int
    restarts: int
    attempt: int
    max_attempts: Annotated[int | None, "null: no limit."]
    next_attempt_in_s: float | None
    next_run_at: Annotated[str | None, "When a scheduled task runs next, UTC."]
    uptime_s: float | None
    ready_s: float | None
    exit_code: int | None
    exit_signal: int | None
    ports: dict[str, int]
    url: str | None
    cpu_percent: Annotated[float | None, "The whole tree; 100 is one core."]
    memory_bytes: int | None
    depends_on: list[str]
    waits_for: list[str]
    start_timeout_s: float | None
    tty: Annotated[bool, "It has a terminal of its own, which can be attached."]
    log: str | None
    layer: int


class Replicas(TypedDict):
    """How many replicas a service has, and how many its manifest gives it."""

    number: int
    manifest: int


class Status(TypedDict):
    """The stack: its supervisor and every service. `replicas`: of those services that have the key."""

    name: str
    manifest: str
    supervisor: SupervisorRow
    replicas: dict[str, Replicas]
    services: list[ServiceRow]
    wanted_settled: bool


class Failure(TypedDict):
    """A service that is not as wished, and the last lines that it wrote."""

    service: str
    state: State
    reason: Reason | None
    detail: str | None
    exit_code: int | None
    exit_signal: int | None
    log: str | None
    tail: list[str]


class Pending(TypedDict):
    """A service that has not settled yet."""

    service: str
    state: State
    detail: str | None


class Outcome(TypedDict):
    """What became of a change, as far as it was waited for."""

    settled: bool
    ok: Annotated[bool, "All has settled, and nothing that is wanted failed."]
    failed: list[Failure]
    absent: list[str]
    pending: list[Pending]
    status: Status


class Rescaled(TypedDict):
    """A service whose number of replicas changed: how many there were, and how many there are."""

    service: str
    before: int
    now: int


class UpOutcome(Outcome):
    """... and which services are gone from the manifest, and which have another number of replicas."""

    removed: list[str]
    scaled: list[Rescaled]


class Survivor(TypedDict):
    """A process that outlived the stop of its service."""

    pid: int
    command: str | None


class StopOutcome(Outcome):
    """... and who runs on: services that depend on the stopped one, and processes that survived KILL."""

    running_dependants: list[str]
    survivors: list[Survivor]


class DownOutcome(TypedDict):
    """What was stopped for good."""

    settled: bool
    stopped: list[str]
    survivors: list[Survivor]
    killed: list[str]


class Replaced(TypedDict):
    """The supervisor that took over."""

    supervisor: SupervisorRow


class Waited(TypedDict):
    """Whether it came true. `cause`: who can never come true."""

    ok: bool
    timed_out: bool
    cause: Failure | None


class Signalled(TypedDict):
    """Which services got which signal."""

    signal: int
    services: list[str]


class Invitation(TypedDict):
    """A link that lets a browser in: once, and within `expires_in_s`."""

    url: str
    path: Annotated[str, "The part of it after host and port, for who reaches the stack by another way."]
    expires_in_s: float


class Event(TypedDict):
    """Something that happened. `data` depends on the type; service is null for the stack's own."""

    seq: int
    at: str
    service: str | None
    generation: int
    type: str
    data: dict[str, object]


class Events(TypedDict):
    """At most 500 events, oldest first."""

    events: list[Event]


class LogLine(TypedDict):
    """One line of a service's output."""

    service: str
    generation: int
    stream: Literal["output", "stdout", "stderr"]
    at: str
    line: str


class Skipped(TypedDict):
    """What a follower was not given since the last record: it was too slow, or rotation was faster."""

    skipped: Annotated[int, "Lines."]
    missed_bytes: Annotated[int, "Bytes whose file was gone before they could be read."]


class PortRow(TypedDict):
    """One port of the manifest, and who holds it."""

    service: str
    name: str
    host: str
    port: int
    wanted: Annotated[int | None, "Null: any would do."]
    state: Literal["free", "ours", "orphaned", "foreign", "reserved", "unknown", "closing", "unavailable"]
    holder: str | None
    pid: int | None


class Ports(TypedDict):
    """Every port of the manifest."""

    ports: list[PortRow]


# `from` is no name for a field, so this one is written as a call.
Edge = TypedDict(
    "Edge",
    {"from": str, "to": str, "condition": Literal["started", "ready", "completed"], "required": bool},
)
Edge.__doc__ = "One dependency: who depends on whom, and on what of it."


class Graph(TypedDict):
    """Who depends on whom, and the layers that start together."""

    services: list[str]
    edges: list[Edge]
    layers: list[list[str]]
