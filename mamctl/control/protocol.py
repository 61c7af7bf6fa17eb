"""What the control API needs from the supervisor, as small protocols, and the shape of its errors.

The server is handed objects that fit these; it knows neither processes nor the manifest.

    GET  /v1/status                         {"name": "mam", "supervisor": {...}, "services": [...]}
    POST /v1/up      {"wait": 120}          {"settled": true, "ok": true, "failed": [], "status": {...}}
    GET  /v1/events?since=7                 {"events": [...]}: the next 500 at most; without `since` the newest
    GET  /v1/events  text/event-stream      id: 7 / event: started / data: {"seq": 7, ...}
    any error                               {"error": "...", "code": "unknown_service", "hint": null, ...}
"""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from mamctl.core.dataclass import dataclass
from mamctl.core.errors import (
    MamctlError,
    ManifestError,
    NoTerminalError,
    NotRunningError,
    NotScalableError,
    TimedOut,
    UsageError,
)

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

Document = dict[str, Any]
# One family of figures: its name, its kind (gauge, counter, histogram), what it means, and its samples; each sample has
# what follows the name (`_bucket`, `_sum`), its labels, and its value.
Family = tuple[str, str, str, "list[tuple[str, dict[str, str], float]]"]
# What the only answer is that is no document: the text for Prometheus.
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# How many events are read at once, for a page or a piece of a stream.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: decoded path, the last value of each query name, lower-case headers, the JSON body.

    `strict`: it came over TCP, so a change must say that it is JSON also where it has no body. `payload`: the body of
    an XML-RPC call, as it came.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    payload: bytes = b""


class Flow(Protocol):
    """A body too large to be held at once: it is made while it is sent. Whoever has it closes it."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield it; raises ConnectionError when it cannot be told to its end."""
        ...

    def close(self) -> None:
        """Let go of what it is made from."""
        ...


class Answer(NamedTuple):
    """What a request gets: a document, or a text for Prometheus, and headers of its own.

    Bytes are a file, and so is a flow; their headers say which kind.
    """

    status: int
    body: Document | str | bytes | Flow
    headers: tuple[tuple[str, str], ...] = ()


class Operator(Protocol):
    """Who carries out requests; see `runtime.operator.Operator`. What its documents are, the endpoints say."""

    def document(self) -> Any:
        """Return the status document."""
        ...

    def select(self, names: Iterable[str]) -> list[str]:
        """Return the services that names or globs mean; raises UsageError."""
        ...

    async def up(self, names: Sequence[str] | None, profiles: Iterable[str], *, alone: bool, wait: float | None) -> Any:
        """Reconcile and wait."""
        ...

    async def settle(self, names: Sequence[str] | None = None, *, wait: float | None) -> Any:
        """Wait for what is wanted already."""
        ...

    async def settle_stop(self, names: Sequence[str], *, wait: float | None) -> Any:
        """Wait for services that are being stopped already."""
        ...

    def signal(self, names: Sequence[str], number: int) -> Any:
        """Send a signal to the main processes of services; raises NotRunningError."""
        ...

    async def reexec(self) -> Any:
        """Let the installed version take over; returns only an error."""
        ...

    async def start(self, names: Sequence[str], *, wait: float | None, reread: bool = True) -> Any:
        """Start services and wait."""
        ...

    async def stop(self, names: Sequence[str], *, wait: float | None) -> Any:
        """Stop services and wait."""
        ...

    async def restart(self, names: Sequence[str] | None, *, wait: float | None) -> Any:
        """Restart services and wait."""
        ...

    async def scale(self, numbers: Mapping[str, int], *, wait: float | None) -> Any:
        """Let services, by name or glob, have so many replicas, and wait; raises NotScalableError for all of them."""
        ...

    async def down(self, *, force: bool, wait: float | None) -> Any:
        """Stop everything and end."""
        ...

    async def wait_for(self, names: Sequence[str], goal: str, wait: float) -> Any:
        """Wait until services are where they should be."""
        ...


class Feed(Protocol):
    """The numbered events; see `runtime.history.History`."""

    @property
    def last(self) -> int:
        """The number of the newest."""
        ...

    def since(self, seq: int, limit: int) -> list[Any]:
        """Return the first `limit` events after `seq`."""
        ...

    def listen(self, listener: Callable[[Document], None]) -> Callable[[], None]:
        """Tell every event from now on; return what ends that."""
        ...


class Memory(Protocol):
    """What is remembered of changes over the life of one supervisor."""

    @property
    def known(self) -> Mapping[str, tuple[str, str]]:
        """The changes that an earlier one made: method and path by id."""
        ...

    def note(self, identity: str, method: str, path: str, /) -> None:
        """Note one that is made now."""
        ...


class TerminalOutput(Protocol):
    """What a terminal has shown, by position: positions only grow. `start` is where its service began."""

    @property
    def start(self) -> int:
        """The position at which this incarnation began."""
        ...

    @property
    def end(self) -> int:
        """The position after the newest byte."""
        ...

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        """Call back after more was shown; return what ends that."""
        ...

    def read_new(self, position: int) -> tuple[int, bytes]:
        """Return the next piece, and the position after it; no byte when there is nothing new."""
        ...


class Terminal(Protocol):
    """The terminal of a service that runs."""

    @property
    def output(self) -> TerminalOutput:
        """What it has shown."""
        ...

    @property
    def generation(self) -> int:
        """The number of the incarnation whose it is."""
        ...

    @property
    def ended(self) -> Future[Any]:
        """How that one ended: code and signal; cancelled when the terminal is let go without that."""
        ...

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size."""

    def redraw(self) -> None:
        """Let a full-screen program draw again."""

    async def type(self, data: bytes) -> None:
        """Type; returns once all is taken."""


class Views(Protocol):
    """What else can be read: logs, ports, the graph; and the terminals."""

    def terminal(self, name: str) -> Terminal:
        """Return the terminal of a service. Raises NoTerminalError and NotRunningError."""
        ...

    def logs(
        self, names: Sequence[str], *, tail: int | None, since: float | None, follow: bool
    ) -> AsyncGenerator[list[Document], None]:
        """Yield log records in batches; when following, an empty batch now and then while there is nothing new."""
        ...

    def ports(self) -> list[Any]:
        """Return every port with who holds it."""
        ...

    def graph(self) -> Any:
        """Return the dependency graph."""
        ...

    async def figures(self) -> list[Family]:
        """Return all that is measured: it is sampled now."""
        ...


class Refusal(MamctlError):
    """A request that is answered with an HTTP error."""

    def __init__(
        self, status: int, code: str, message: str, hint: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = code
        self.headers = headers


def answer_to(error: MamctlError) -> Answer:
    """Return what a request gets that went wrong."""
    status, code = _kind(error)
    document: Document = {
        "error": error.message,
        "code": code,
        "hint": error.hint,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if isinstance(error, ManifestError):
        document["problems"] = [problem._asdict() for problem in error.problems]
    return Answer(status, document, error.headers if isinstance(error, Refusal) else ())


def _kind(error: MamctlError) -> tuple[int, str]:
    if isinstance(error, Refusal):
        return error.status, error.code
    return next(((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (503, "failed"))


# The first that fits counts: a ManifestError is a UsageError, too.
_KINDS: Final = (
    (ManifestError, 400, "manifest_invalid"),
    (UsageError, 404, "unknown_service"),
    (TimedOut, 503, "timed_out"),
    (NotRunningError, 409, "not_running"),
    (NotScalableError, 409, "not_scalable"),
    (NoTerminalError, 409, "no_terminal"),
)
