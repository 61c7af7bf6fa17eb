"""The words that keys of the manifest take."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a service is: kept running, run to its end, or observed."""

    SERVICE = "service"
    TASK = "task"
    EXTERNAL = "external"


class Condition(StrEnum):
    """What a dependant waits for."""

    STARTED = "started"
    READY = "ready"
    COMPLETED = "completed"


class Policy(StrEnum):
    """After which exits a service is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class Listener(StrEnum):
    """Whether the listener on a port must belong to the service's own processes."""

    OURS = "ours"
    ANY = "any"


class OnDeath(StrEnum):
    """What happens to a service when its supervisor dies."""

    KEEP = "keep"
    STOP = "stop"


class Streams(StrEnum):
    """One log in the service's own order, or one for each of stdout and stderr."""

    MERGED = "merged"
    SPLIT = "split"
