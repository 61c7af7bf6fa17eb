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
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mamctl.core.errors import ManifestError
from mamctl.runtime.cgroups import open_groups
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.hands import Hands
from mamctl.runtime.history import History
from mamctl.runtime.journal import Journal
from mamctl.runtime.keepsake import kept_manifest
from mamctl.runtime.launcher import Launcher, raise_open_files
from mamctl.runtime.legacy import Legacy
from mamctl.runtime.operator import Operator
from mamctl.runtime.orphans import end_orphans, find_marked
from mamctl.runtime.outputs import Folders
from mamctl.runtime.ownership import own
from mamctl.runtime.portbook import PortBook
from mamctl.runtime.reunion import reunite
from mamctl.runtime.status import Reporter
from mamctl.runtime.subreaper import become_subreaper, resign_as_subreaper
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.custody import Custody

WAIT_SECONDS = 120.0


class Requests(NamedTuple):
    """Changes by id: those `known` from before (method, path), and the journal that the next ones are noted in."""

    known: Mapping[str, tuple[str, str]]
    journal: Journal

    def note(self, identity: str, method: str, path: str) -> None:
        """Note one that is being made now."""
        self.journal.request(identity, method, path)
        asyncio.get_running_loop().call_soon(self.journal.settle)


class ProcessManager:
    """Runs the services of a manifest while it is entered; leaving it stops them all.

    `home` keeps the journal and the events (default: `.mamctl` beside the manifest), `logs` the services' output.
    `sole`: this process does nothing else, so all its children are the services' and are ended with them. `keeps`:
    services outlive it when it dies, unless they say otherwise; `custody` has what an earlier one left. `proven`: who
    kept that knows all that happened since; `orderly`: the earlier one handed over and did not die.
    Entering raises ManifestError with every problem, TakenError when a supervisor runs there already.
    """

    hands: Hands
    history: History
    operator: Operator

    def __init__(
        self,
        manifest: str,
        *,
        home: str | None = None,
        logs: str | None = None,
        sole: bool = False,
        keeps: bool = False,
        custody: Custody | None = None,
        proven: bool = False,
        orderly: bool = False,
    ) -> None:
        self._sole = sole
        self.proven = proven
        self._orderly = orderly
        self._keeps = keeps
        self._custody = custody or NoCustody()
        self.path = os.path.abspath(manifest)
        folder = os.path.dirname(self.path)
        self._home = os.path.abspath(home or os.environ.get("MAMCTL_HOME") or os.path.join(folder, ".mamctl"))
        beneath = [os.path.join(self._home, kind) for kind in ("index", "fifo", "notify")]
        self._folders = Folders(logs or os.path.join(folder, "logs"), *beneath)
        self._lock = -1
        self._manifest: Manifest | None = None
        self._ports = PortBook(self.path, os.path.join(self._home, "journal"))

    def open(self) -> None:
        """Take the home and read the manifest; what can be refused is refused here, before anything runs."""
        for folder in (self._home, *self._folders):
            os.makedirs(folder, mode=0o755 if folder == self._folders.logs else 0o700, exist_ok=True)
        self._lock = self._own()
        self.history = History(os.path.join(self._home, "events"))
        self.legacy = Legacy(os.path.join(self._home, "journal"))
        self._ports.running = lambda: self.legacy.running
        self._manifest = kept_manifest(self._custody) or self._read(self.legacy.recollection.replicas)
        self._strays = self.legacy.strays(self._manifest.services)

    def _read(self, replicas: Mapping[str, int]) -> Manifest:
        """Read the manifest, with as many replicas as there were; where that cannot be any more, with its own."""
        try:
            return self._ports.load(replicas)
        except ManifestError:
            if not replicas:
                raise
            return self._ports.load({})

    def _own(self) -> int:
        """Return the lock that makes us the only one: an earlier supervisor's, or taken now and kept for the next."""
        for lock in self._custody.take("lock"):
            return lock
        lock = own(self._home, self.path)
        self._custody.keep("lock", [lock])
        return lock

    async def __aenter__(self) -> Self:
        """Be ready to run services; nothing is started yet, but what an earlier supervisor left is ours again."""
        if self._manifest is None:
            self.open()
        assert self._manifest is not None
        self._resigns = become_subreaper()
        self._journal = self._ports.journal = Journal(os.path.join(self._home, "journal"), keeps=self._keeps)
        self._journal.begin(self._ports.chosen, self.legacy.records)
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
            custody=self._custody,
        )
        self.hands.incarnations.containment.use(open_groups(self._home) if self._sole else None)
        self._ports.running = lambda: {*self.hands.alive, *self.hands.sockets.holders}
        reporter = Reporter(
            self.hands, version=VERSION, generation=self._journal.count, guardian=lambda: self._custody.keeper
        )
        self.operator = Operator(self.hands, reporter, self._ports.load, self._journal)
        await self._recall()
        return self

    async def _recall(self) -> None:
        """Take over what an earlier supervisor left, and end what the manifest has no more."""
        if self._strays:
            ended = await asyncio.to_thread(end_orphans, lambda: find_marked(self._strays))
            detail = f"stopped, because the manifest has them no more: {', '.join(ended)}"
            self.history.record("warning", None, 0, {"detail": detail})
        reunite(self.hands, self.legacy, proven=self.proven, orderly=self._orderly)
        self.operator.recall(self.legacy.recollection)

    @property
    def requests(self) -> Requests:
        """The changes that clients asked an earlier supervisor for, and where ours are noted for the next one."""
        return Requests(self.legacy.recollection.requests, self._journal)

    def write_down(self) -> None:
        """Put everything where the next supervisor finds it: this process ends in the next moment."""
        self.hands.write_down()

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop what runs, and let go of everything."""
        try:
            if not self.operator.ended.done():
                await self.operator.down(force=False, wait=None)
            # What ended by itself may have hooks to be run still.
            await self.hands.hooks.settle()
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

    async def scale(self, name: str, replicas: int, *, wait: float = WAIT_SECONDS) -> dict[str, Any]:
        """Let a service with the key `replicas` have so many, until the next `up`. Raises NotScalableError."""
        return await self.operator.scale({name: replicas}, wait=wait)

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
