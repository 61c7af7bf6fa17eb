"""The closed lists of words that a service is described by. Each value is the word that people see."""

from __future__ import annotations

from enum import StrEnum


class Wanted(StrEnum):
    """What the operator wishes."""

    UP = "up"
    DOWN = "down"


class State(StrEnum):
    """What is true of a service now."""

    STOPPED = "stopped"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"


class Reason(StrEnum):
    """Why it is so, in one word."""

    BY_OPERATOR = "by_operator"
    DEPENDENCY_FAILED = "dependency_failed"
    DEPENDENCY_WAITING = "dependency_waiting"
    SPAWN_FAILED = "spawn_failed"
    COMMAND_NOT_FOUND = "command_not_found"
    PORT_TAKEN = "port_taken"
    START_TIMEOUT = "start_timeout"
    EXITED = "exited"
    KILLED = "killed"
    OOM = "oom"
    MEMORY_LIMIT = "memory_limit"
    WATCHDOG = "watchdog"
    LIVENESS_FAILED = "liveness_failed"
    GAVE_UP = "gave_up"
    CONFIG_ERROR = "config_error"
    ABSENT = "absent"
    WRONG_SERVICE = "wrong_service"
    UNSUPERVISED_EXIT = "unsupervised_exit"
    CHANGED_ON_DISK = "changed_on_disk"
    SCHEDULED = "scheduled"


class Ownership(StrEnum):
    """Whose process it is: spawned by us, somebody else's, or ours from before."""

    MANAGED = "managed"
    EXTERNAL = "external"
    ADOPTED = "adopted"


class Timer(StrEnum):
    """What a timer of a service is for."""

    START = "start"  # the start timeout
    LIVED = "lived"  # no probe: alive this long counts as ready
    BACKOFF = "backoff"  # until the next attempt
    GRACE = "grace"  # from the stop signal to KILL
    STABLE = "stable"  # ready long enough to clear the budget
    WATCHDOG = "watchdog"  # until a sign of life is due
    ATTACH = "attach"  # until the next look for an absent external service


class Errand(StrEnum):
    """What a command of the manifest does to a service, beside its own process."""

    START = "start"  # a run step of `acquire`
    RELEASE = "release"
    STOP = "stop"


class Purpose(StrEnum):
    """What a probe is asked for."""

    READY = "ready"
    LIVE = "live"


RUNNING = frozenset({State.STARTING, State.READY, State.UNHEALTHY, State.STOPPING})
ENDED = frozenset({State.STOPPED, State.COMPLETED, State.FAILED})
EX_CONFIG = 78
SIGKILL = 9
LIVED_SECONDS = 0.1
