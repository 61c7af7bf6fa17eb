"""A whole manifest under supervision, from `up` to `down`: what the supervisor's process and embedding programs use.

Use it so:

    >>> async with ProcessManager("services.yaml") as manager:
    ...     manager.on("started", lambda event: print(event["service"], "is ready"))
    ...     report = await manager.up()
    ...     print(manager.status())
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Self

from mamctl.runtime.cgroups import open_groups
from mamctl.runtime.hands import Hands
from mamctl.runtime.history import History
from mamctl.runtime.journal import Journal
from mamctl.runtime.launcher import Launcher, raise_open_files
from mamctl.runtime.operator import Operator
from mamctl.runtime.orphans import end_orphans
from mamctl.runtime.outputs import Folders
from mamctl.runtime.ownership import own
from mamctl.runtime.portbook import PortBook
from mamctl.runtime.status import Reporter
from mamctl.runtime.subreaper import become_subreaper, resign_as_subreaper
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from mamctl.core.manifest.model import Manifest

WAIT_SECONDS = 120.0


class ProcessManager:
    """Runs the services of a manifest while it is entered; leaving it stops them all.

    `home` keeps the journal and the events (default: `.mamctl` beside the manifest), `logs` the services' output.
    `sole`: this process does nothing else, so all its children are the services' and are ended with them.
    Entering raises ManifestError with every problem, TakenError when a supervisor runs there already.
    """

    hands: Hands
    history: History
    operator: Operator

    def __init__(self, manifest: str, *, home: str | None = None, logs: str | None = None, sole: bool = False) -> None:
        self._sole = sole
        self.path = os.path.abspath(manifest)
        folder = os.path.dirname(self.path)
        self._home = os.path.abspath(home or os.environ.get("MAMCTL_HOME") or os.path.join(folder, ".mamctl"))
        beneath = [os.path.join(self._home, kind) for kind in ("index", "fifo", "notify")]
        self._folders = Folders(logs or os.path.join(folder, "logs"), *beneath)
        self._lock = -1
        self._orphaned: list[str] = []
        self._manifest: Manifest | None = None
        self._ports = PortBook(self.path, os.path.join(self._home, "journal"))

    def open(self) -> None:
        """Take the home and read the manifest; what can be refused is refused here, before anything runs."""
        for folder in (self._home, *self._folders):
            os.makedirs(folder, mode=0o755 if folder == self._folders.logs else 0o700, exist_ok=True)
        self._lock = own(self._home, self.path)
        self._orphaned = end_orphans(os.path.join(self._home, "journal"))
        self._manifest = self._ports.load()

    async def __aenter__(self) -> Self:
        """Be ready to run services; nothing is started yet."""
        if self._manifest is None:
            self.open()
        assert self._manifest is not None
        self._resigns = become_subreaper()
        self._journal = self._ports.journal = Journal(os.path.join(self._home, "journal"))
        self._journal.begin(self._ports.chosen)
        self.history = History(os.path.join(self._home, "events"))
        if self._orphaned:
            detail = f"a supervisor that died had left {', '.join(self._orphaned)} running: ended before this start"
            self.history.record("warning", None, 0, {"detail": detail})
        self._group = await asyncio.TaskGroup().__aenter__()
        self.hands = Hands(
            self._manifest,
            group=self._group,
            folders=self._folders,
            history=self.history,
            journal=self._journal,
            inherited=os.environ,
            sole=self._sole,
            launcher=Launcher(raise_open_files()),
        )
        self.hands.incarnations.containment.use(open_groups(self._home) if self._sole else None)
        self._ports.running = lambda: {*self.hands.alive, *self.hands.sockets.holders}
        self.operator = Operator(self.hands, Reporter(self.hands, version=VERSION), self._ports.load)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop what runs, and let go of everything."""
        try:
            if not self.operator.ended.done():
                await self.operator.down(force=False, wait=None)
        finally:
            self.hands.close()
            # All its tasks were cancelled; an error of the caller's is raised as it is, not as a group.
            await self._group.__aexit__(None, None, None)
            if self._resigns:
                resign_as_subreaper()
            self._journal.down()
            self._journal.close()
            os.close(self._lock)

    async def up(
        self, names: Sequence[str] | None = None, *, profiles: Sequence[str] = (), wait: float = WAIT_SECONDS
    ) -> dict[str, Any]:
        """Want services (all by default) and wait until they settled; the report says what failed."""
        return await self.operator.up(names, profiles, alone=False, wait=wait)

    async def start(self, *names: str, wait: float = WAIT_SECONDS) -> dict[str, Any]:
        """Start services, dependencies first."""
        return await self.operator.start(names, wait=wait)

    async def stop(self, *names: str, wait: float = WAIT_SECONDS) -> dict[str, Any]:
        """Stop these services alone."""
        return await self.operator.stop(names, wait=wait)

    async def restart(self, *names: str, wait: float = WAIT_SECONDS) -> dict[str, Any]:
        """Restart services; without names, all that are wanted."""
        return await self.operator.restart(names or None, wait=wait)

    async def down(self, *, force: bool = False) -> dict[str, Any]:
        """Stop everything for good."""
        return await self.operator.down(force=force, wait=None)

    def status(self) -> dict[str, Any]:
        """Return the status document, as `mamctl status --json` prints it."""
        return self.operator.document()

    def on(self, kind: str, callback: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call back for every event of a type (`*`: of all types); return what ends that."""

        def hear(event: dict[str, Any]) -> None:
            if kind in ("*", event["type"]):
                callback(event)

        return self.history.listen(hear)
