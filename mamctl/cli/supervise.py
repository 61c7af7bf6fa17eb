"""The supervisor's own process: wire runtime and control together, report that it stands, run until all is over.

Started by `runtime.launch` with one JSON argument. The services are spawned before the first client is answered;
what only the API needs is imported after that.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from mamctl.cli.keeper import Keeper, log_event
from mamctl.control.place import Place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime.history import History
from mamctl.runtime.journal import Journal
from mamctl.runtime.launcher import Launcher, raise_open_files
from mamctl.runtime.operator import Operator
from mamctl.runtime.outputs import Folders
from mamctl.runtime.portbook import PortBook
from mamctl.runtime.process_manager import ProcessManager
from mamctl.runtime.status import Reporter
from mamctl.runtime.subreaper import become_subreaper
from mamctl.version import VERSION

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from mamctl.core.manifest.model import Manifest

# After the last word, clients have this long to hear it.
FAREWELL_SECONDS = 1.0


def main() -> None:
    """Run one supervisor; the process's exit code is that of the run."""
    request = json.loads(sys.argv[1])
    place = Place(*request["place"])
    report = Report(request["report"])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        lock = own(place)
        ports = PortBook(place.manifest, place.journal)
        manifest = ports.load()
    except MamctlError as error:
        report.fail(error)
        sys.exit(error.exit_code)
    code = asyncio.run(Brain(place, manifest, ports).run(request, report))
    os.close(lock)
    sys.exit(code)


class Report:
    """The one line that the starter waits for."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.set_inheritable(fd, False)

    def stand(self) -> None:
        """Say that clients can come."""
        self._say({"ok": True, "pid": os.getpid()})

    def fail(self, error: MamctlError) -> None:
        """Say why not."""
        code = "failed"
        if isinstance(error, ManifestError):
            code = "manifest_invalid"
        elif isinstance(error, UsageError):
            code = "usage"
        elif isinstance(error, TakenError):
            code = "already_running"
        problems = [problem._asdict() for problem in getattr(error, "problems", ())]
        self._say({"error": error.message, "hint": error.hint, "code": code, "problems": problems})

    def _say(self, document: Mapping[str, Any]) -> None:
        with open(self._fd, "w") as pipe:
            json.dump(document, pipe)


class TakenError(MamctlError):
    """Another supervisor owns the place."""


def own(place: Place) -> int:
    """Take the place for ourselves, for as long as the returned descriptor is open."""
    lock = os.open(os.path.join(place.home, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise TakenError("another supervisor runs here already", "mamctl status") from None
    before = os.read(lock, 4096).decode(errors="replace")
    if before and before != place.manifest and os.path.exists(before):
        raise UsageError(
            f"{place.home} belongs to {before}", "set MAMCTL_HOME to another folder for the second manifest"
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, os.fsencode(place.manifest), 0)
    return lock


class Brain:
    """Everything that lives as long as the supervisor."""

    def __init__(self, place: Place, manifest: Manifest, ports: PortBook) -> None:
        self._place = place
        self._manifest = manifest
        self._ports = ports

    async def run(self, request: Mapping[str, Any], report: Report) -> int:
        """Start what is wanted, serve, and return the exit code when all is over."""
        become_subreaper()
        for folder in (self._place.index, self._place.fifo):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        journal = self._ports.journal = Journal(self._place.journal)
        journal.begin(self._ports.chosen)
        history = History(self._place.events)
        async with asyncio.TaskGroup() as group:
            manager = self._manager(group, history, journal)
            self._ports.running = lambda: manager.alive
            operator = Operator(manager, Reporter(manager, version=VERSION), self._ports.load)
            code = await self._live(manager, operator, request, report)
            manager.close()
        journal.write("down", code=code)
        journal.close()
        return code

    def _manager(self, group: asyncio.TaskGroup, history: History, journal: Journal) -> ProcessManager:
        return ProcessManager(
            self._manifest,
            group=group,
            folders=Folders(self._place.logs, self._place.index, self._place.fifo),
            history=history,
            journal=journal,
            inherited=os.environ,
            launcher=Launcher(raise_open_files()),
        )

    async def _live(
        self, manager: ProcessManager, operator: Operator, request: Mapping[str, Any], report: Report
    ) -> int:
        from mamctl.control.server import listen

        loop = asyncio.get_running_loop()
        listener = listen(self._place.socket)
        loop.add_signal_handler(signal.SIGCHLD, manager.on_child)
        manager.history.listen(log_event)
        manager.history.record("supervisor-started", None, 0, {"pid": os.getpid(), "version": VERSION})
        up = request["up"]
        try:
            operator.want(up.get("services"), up.get("profiles") or (), alone=bool(up.get("no_deps")))
        except UsageError as error:
            report.fail(error)
            listener.close()
            os.unlink(self._place.socket)
            return error.exit_code
        report.stand()
        return await self._serve(listener, manager, operator, request["lease"])

    async def _serve(
        self, listener: socket.socket, manager: ProcessManager, operator: Operator, lease: int | None
    ) -> int:
        from mamctl.control import registry
        from mamctl.control.server import ControlServer
        from mamctl.runtime.views import Views

        server = ControlServer(listener, operator, manager.history, Views(manager))
        await server.start()
        registry.register(self._place, os.getpid())
        keeper = Keeper(manager, operator)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, keeper.stop_all, number)
        if lease is not None:
            os.set_inheritable(lease, False)
            loop.add_reader(lease, keeper.lease_lost, lease)
        watch = asyncio.create_task(keeper.watch_for_the_end(foreground=lease is not None))
        code, why = await operator.ended
        manager.history.record("info", None, 0, {"ending": {"code": code, "reason": why}})
        manager.history.flush()
        watch.cancel()
        registry.unregister(self._place)
        os.unlink(self._place.socket)
        await server.close(FAREWELL_SECONDS)
        return code


if __name__ == "__main__":
    main()
