"""What a request may carry: one record for each body and each query.

The types are the rules: `reading` refuses what does not fit them, and `schemas` tells the same to the OpenAPI document.
A trailing underscore keeps a name apart from Python's own words; the request has it without. They are named tuples: a
dataclass takes five times as long to make, and every start of a supervisor waits for it.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

# A request may ask to wait, but nobody waits for ever.
LONGEST_WAIT = 3600.0
# Who wants more than this reads the files.
LONGEST_TAIL = 10_000
OLDEST = 365 * 86_400.0
LARGEST_NUMBER = 10**15 - 1
# Rows or columns of a terminal.
LARGEST_SIDE = 10_000


class Span(NamedTuple):
    """A duration: `500ms`, `2s`, `5m`, `1h` or a number of seconds, at most `most` of them."""

    most: float


class Between(NamedTuple):
    """A whole number with bounds."""

    least: int
    most: int


class SignalName(NamedTuple):
    """A signal: `HUP`, `SIGHUP` or its number."""


Wait = Annotated[float, Span(LONGEST_WAIT), "How long to wait for the outcome; without it the answer comes at once."]
Names = tuple[str, ...]


class UpBody(NamedTuple):
    """What is to come up."""

    services: Annotated[Names | None, "Names or globs, added to what is wanted already; without it all are wanted."] = (
        None
    )
    profiles: Annotated[Names, "Also what has one of these profiles."] = ()
    no_deps: Annotated[bool, "Without what the named services depend on."] = False
    only_wait: Annotated[bool, "Change nothing: only wait for what is wanted already."] = False
    wait: Wait | None = None


class DownBody(NamedTuple):
    """How everything is stopped."""

    force: Annotated[bool, "KILL at once, without a grace period."] = False
    wait: Wait | None = None


class RestartBody(NamedTuple):
    """What is restarted."""

    services: Annotated[Names | None, "Names or globs; without it all that are wanted."] = None
    wait: Wait | None = None


class WaitBody(NamedTuple):
    """How long to wait for what becomes of it."""

    wait: Wait | None = None


class SignalBody(NamedTuple):
    """Which signal is sent."""

    signal: Annotated[str | int, SignalName(), "HUP, SIGHUP or 1."]


class ScaleBody(NamedTuple):
    """How many replicas there are to be."""

    replicas: Annotated[int, Between(0, 1000), "How many."]
    wait: Wait | None = None


class ScaleSeveralBody(NamedTuple):
    """How many replicas there are to be of several services."""

    replicas: Annotated[dict[str, Annotated[int, Between(0, 1000)]], "How many of each, by name or glob."]
    wait: Wait | None = None


class AttachBody(NamedTuple):
    """How a terminal is attached: what it shows first, and its size."""

    tail: Annotated[int, Between(0, 1 << 20), "So many of the last bytes that it showed come first."] = 1 << 14
    after: Annotated[
        int | None, Between(0, LARGEST_NUMBER), "In place of `tail`: all after this position, which the API has told."
    ] = None
    rows: Annotated[int | None, Between(1, LARGEST_SIDE), "Rows of the client's terminal."] = None
    columns: Annotated[int | None, Between(1, LARGEST_SIDE), "Columns of the client's terminal."] = None


class DashboardBody(NamedTuple):
    """From where the dashboard is to be reached."""

    listen: Annotated[
        str | None, "A loopback address with a port, 0 for any: opened until the supervisor ends, if none is open."
    ] = None


class EventsQuery(NamedTuple):
    """Which events."""

    since: Annotated[
        int | None, Between(0, LARGEST_NUMBER), "Only what came after this number; without it the newest ones."
    ] = None


class LogsQuery(NamedTuple):
    """Which lines of which logs."""

    service: Annotated[Names, "Names or globs, separated by commas; without it all services."] = ()
    tail: Annotated[int, Between(0, LONGEST_TAIL), "So many of the last lines, of all of them together."] = 100
    since: Annotated[float | None, Span(OLDEST), "Only lines that are not older than this."] = None
    follow: Annotated[bool, "Go on with what is written from now."] = False


class WaitQuery(NamedTuple):
    """What is waited for."""

    services: Annotated[Names, "Names or globs, separated by commas; without it all that are wanted."] = ()
    for_: Annotated[Literal["ready", "stopped", "completed"], "Where they should be."] = "ready"
    timeout: Annotated[float, Span(LONGEST_WAIT), "How long to wait."] = 60.0
