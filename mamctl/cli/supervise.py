"""The supervisor's own process: wire runtime and control together, report that it stands, run until all is over.

Started by `runtime.launch` with one JSON argument. The services are spawned before the first client is answered;
what only the API needs is imported after that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from mamctl.cli.keeper import Keeper, log_event
from mamctl.control.place import Place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime.ownership import TakenError
from mamctl.runtime.process_manager import ProcessManager
from mamctl.version import VERSION

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

# After the last word, clients have this long to hear it.
FAREWELL_SECONDS = 1.0


def main() -> None:
    """Run one supervisor; the process's exit code is that of the run."""
    request = json.loads(sys.argv[1])
    place = Place(*request["place"])
    report = Report(request["report"])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # Nothing that is made while starting becomes garbage: looking for it would only delay the services.
    gc.disable()
    manager = ProcessManager(place.manifest, home=place.home, logs=place.logs, sole=True)
    try:
        manager.open()
        code = asyncio.run(supervise(manager, place, request, report))
    except MamctlError as error:
        report.fail(error)
        code = error.exit_code
    sys.exit(code)


async def supervise(manager: ProcessManager, place: Place, request: Mapping[str, Any], report: Report) -> int:
    """Start what is wanted, serve, and return the exit code when all is over."""
    from mamctl.control.server import listen

    async with manager:
        listener = listen(place.socket)
        manager.history.listen(log_event)
        manager.history.record("supervisor-started", None, 0, {"pid": os.getpid(), "version": VERSION})
        try:
            up = request["up"]
            manager.operator.want(up.get("services"), up.get("profiles") or (), alone=bool(up.get("no_deps")))
            report.stand()
            gc.freeze()
            gc.enable()
            code = await serve(listener, manager, place, request["lease"])
        finally:
            os.unlink(place.socket)
            listener.close()
        return code


async def serve(listener: socket.socket, manager: ProcessManager, place: Place, lease: int | None) -> int:
    """Answer requests until the run ends; return its exit code."""
    from mamctl.control import registry
    from mamctl.control.server import ControlServer
    from mamctl.runtime.views import Views

    server = ControlServer(listener, manager.operator, manager.history, Views(manager.hands))
    await server.start()
    registry.register(place, os.getpid())
    keeper = Keeper(manager.hands, manager.operator)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, keeper.stop_all, number)
    if lease is not None:
        os.set_inheritable(lease, False)
        loop.add_reader(lease, keeper.lease_lost, lease)
    watch = asyncio.create_task(keeper.watch_for_the_end(foreground=lease is not None))
    code, why = await manager.operator.ended
    manager.history.record("info", None, 0, {"ending": {"code": code, "reason": why}})
    manager.history.flush()
    watch.cancel()
    registry.unregister(place)
    await server.close(FAREWELL_SECONDS)
    return code


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
        problems = [problem._asdict() for problem in getattr(error, "problems", ())]
        self._say({"error": error.message, "hint": error.hint, "code": _code(error), "problems": problems})

    def _say(self, document: Mapping[str, Any]) -> None:
        with open(self._fd, "w") as pipe:
            json.dump(document, pipe)


def _code(error: MamctlError) -> str:
    match error:
        case ManifestError():
            return "manifest_invalid"
        case UsageError():
            return "usage"
        case TakenError():
            return "already_running"
        case _:
            return "failed"


if __name__ == "__main__":
    main()
