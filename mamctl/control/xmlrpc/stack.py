"""What the methods work on: the stack, as small protocols, and what is remembered between two calls."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mamctl.control.leaving import unless_left
from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from mamctl.control.protocol import Views
    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.service import Service


class Times(Protocol):
    """When a service last began and last ended, in seconds since 1970; 0: never, as far as is known."""

    @property
    def started(self) -> float:
        """When its process began."""
        ...

    @property
    def stopped(self) -> float:
        """When it ended."""
        ...


class Overseer(Protocol):
    """Who carries changes out; see `runtime.operator.Operator`."""

    @property
    def downing(self) -> bool:
        """Whether everything is being stopped for good."""
        ...

    async def start(self, names: Sequence[str], *, wait: float | None, reread: bool) -> Any:
        """Start services, dependencies first."""
        ...

    async def stop(self, names: Sequence[str], *, wait: float | None) -> Any:
        """Stop services."""
        ...

    async def restart(self, names: Sequence[str] | None, *, wait: float | None) -> Any:
        """Restart services after the manifest was read again; without names all that are wanted."""
        ...

    async def down(self, *, force: bool, wait: float | None) -> Any:
        """Stop everything and end."""
        ...

    def want(self, names: Sequence[str] | None) -> list[str]:
        """Want services up, by default all that start by themselves."""
        ...

    def signal(self, names: Sequence[str], number: int) -> Any:
        """Send a signal to the main processes of services; raises NotRunningError."""
        ...


class Programs(Protocol):
    """What is known of the services beyond that; see `runtime.programs.Programs`."""

    @property
    def manifest(self) -> Manifest:
        """The manifest that holds."""
        ...

    @property
    def services(self) -> Mapping[str, Service]:
        """The services as they are."""
        ...

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        ...

    @property
    def main_log(self) -> str:
        """The path of the supervisor's own log."""
        ...

    def times(self, name: str) -> Times:
        """Tell when a service began and ended."""
        ...

    def logs(self, spec: ServiceSpec) -> Mapping[str, str]:
        """Return the paths of a service's logs by channel: stdout, and stderr where that is apart."""
        ...

    def starts_by_itself(self, spec: ServiceSpec) -> bool:
        """Tell whether `up` without names starts a service."""
        ...

    def hide(self, value: Any) -> Any:
        """Return lists, maps and texts with every secret masked."""
        ...

    def clear(self, name: str) -> None:
        """Let a service's logs begin anew; raises MamctlError."""
        ...

    def clear_main(self) -> bool:
        """Empty the supervisor's own log, if it has one; raises MamctlError."""
        ...

    def read(self) -> Manifest:
        """Read the manifest from disk and change nothing; raises ManifestError."""
        ...

    def take(self, manifest: Manifest) -> None:
        """Let a manifest hold; raises MamctlError."""
        ...

    async def until(self, test: Callable[[], bool], seconds: float) -> bool:
        """Wait until a test holds, looking whenever something happened; tell whether it does."""
        ...

    def follow(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the last lines of a log, and what is added; nothing, now and then, while there is nothing new."""
        ...


@dataclass(slots=True)
class Memory:
    """What is remembered between two calls. `later` are tasks that nobody waits for; they end with the server.

    `foreseen`: the manifest that held when a client last reread it, and the one that was on disk then. `aside`: groups
    that a client removed while the manifest still has them; a new supervisor knows them again.
    """

    foreseen: tuple[Manifest, Manifest] | None = None
    aside: set[str] = field(default_factory=set)
    later: set[asyncio.Task[Any]] = field(default_factory=set)


class Stack(NamedTuple):
    """What every method gets. `remote`: the call came over TCP. `left` is done once the caller has gone."""

    operator: Overseer
    views: Views
    programs: Programs
    memory: Memory
    remote: bool = False
    left: asyncio.Future[None] | None = None

    async def until(self, test: Callable[[], bool], seconds: float) -> bool:
        """Wait as `Programs.until`, but no longer than the caller does; tell whether the test holds."""
        waiting = self.programs.until(test, seconds)
        if self.left is None or seconds <= 0:
            return await waiting
        return await unless_left(waiting, self.left) or False
