"""Event listeners: services with `events:`, which are told what happens in supervisord's own protocol.

Few stacks have one, so what does the work is imported when there is one.

    history ──> feed: supervisord's words ──> pool: what waits ──> member: READY, RESULT ──> the listener's input
                  └── ledger: all of it, for the next supervisor                                 and output

Its input and output are pipes whose ends the guardian keeps, so a listener does not notice that its supervisor is
killed and another one goes on (see `member`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.history import History
    from mamctl.runtime.listeners.feed import Feed

__all__ = ["Ends", "Listeners"]

_DEAF: Final = "does not keep to the events' protocol, and is told nothing until it is started again"


class Ends(NamedTuple):
    """What a listener has as its input and output."""

    stdin: int
    stdout: int


class Listeners:
    """Owns the feed, once there is a listener. `warn` takes the name of a service and a sentence."""

    def __init__(
        self,
        history: History,
        custody: Custody,
        *,
        home: str,
        loop: asyncio.AbstractEventLoop,
        warn: Callable[[str, str], None],
    ) -> None:
        self._history = history
        self._custody = custody
        self._home = home
        self._loop = loop
        self._warn = warn
        self._feed: Feed | None = None
        self._began = False
        # Where the supervisor answers, as programs made for supervisord are told.
        self.address: str | None = None

    def take(self, manifest: Manifest) -> None:
        """Take the manifest that holds; the first one is that of the supervisor's beginning."""
        fresh, self._began = not self._began, True
        if self._feed is not None:
            self._feed.take(manifest)
        elif any(spec.events for spec in manifest.services.values()):
            from mamctl.runtime.listeners.feed import Feed, House

            house = House(self._history, self._custody, self._home, self._loop, self._warn)
            self._feed = Feed(house, manifest, fresh=fresh)

    def open(self, spec: ServiceSpec) -> Ends | None:
        """Make the input and output of a new listener, for the caller to close; None for any other service."""
        if not spec.events or self._feed is None:
            return None
        return Ends(*self._feed.open(spec))

    def variables(self, spec: ServiceSpec) -> dict[str, str]:
        """Return what a listener finds in its environment; the manifest's own word goes first."""
        named = {"SUPERVISOR_ENABLED": "1", "SUPERVISOR_PROCESS_NAME": spec.name, "SUPERVISOR_GROUP_NAME": spec.service}
        where = {} if self.address is None else {"SUPERVISOR_SERVER_URL": self.address}
        return {name: spec.env.get(name, value) for name, value in (named | where).items() if name not in spec.unset}

    def recall(self, spec: ServiceSpec) -> str | None:
        """Go on with what an earlier supervisor left; return why that cannot be."""
        return self._feed.recall(spec) if spec.events and self._feed is not None else None

    def bury(self, spec: ServiceSpec) -> None:
        """Take the last words of one that died while nobody watched."""
        if self.recall(spec) is None:
            self.leave(spec.name)

    def leave(self, name: str) -> None:
        """Know that a listener ended; what it was being told counts as not managed."""
        if self._feed is not None:
            self._feed.leave(name, failed=True)

    def trouble(self, name: str) -> str | None:
        """Return why a listener that runs is of no use."""
        return _DEAF if self._feed is not None and self._feed.is_deaf(name) else None

    def end(self) -> None:
        """Know that everything is being stopped for good."""
        if self._feed is not None:
            self._feed.end()

    def once_told(self, then: Callable[[], None]) -> None:
        """Call back once they know all that happened, but soon: who does not answer is not waited for."""
        if self._feed is None:
            then()
        else:
            self._feed.once_told(then)

    def flush(self) -> None:
        """Put everything where the next supervisor finds it."""
        if self._feed is not None:
            self._feed.flush()

    def close(self) -> None:
        """Let go of everything, for good."""
        if self._feed is not None:
            self._feed.close()
