"""The supervisor's own process: wire runtime and control together, report that it stands, run until all is over.

Started by `runtime.launch` with one JSON argument. The services are spawned before the first client is answered;
what only the API needs is imported after that.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from mamctl.cli.keeper import Keeper, log_event
from mamctl.control.listener import Listener
from mamctl.control.place import Place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime.ownership import TakenError
from mamctl.runtime.process_manager import ProcessManager
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

logger = logging.getLogger("mamctl")
# After the last word, clients have this long to hear it.
FAREWELL_SECONDS = 1.0
# A supervisor that has taken its socket away is gone within this time.
LEAVING_SECONDS, LEAVING_PAUSE = 2.0, 0.01


def main() -> None:
    """Run one supervisor; the process's exit code is that of the run."""
    request = json.loads(sys.argv[1])
    keep_only({0, 1, 2, request["report"], request["lease"]})
    place = Place(*request["place"])
    report = Report(request["report"])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # Nothing that is made while starting becomes garbage: looking for it would only delay the services.
    gc.disable()
    manager = ProcessManager(place.manifest, home=place.home, logs=place.logs, sole=True)
    try:
        open_once_free(manager, place)
        code = asyncio.run(supervise(manager, place, request, report))
    except MamctlError as error:
        report.fail(error)
        code = error.exit_code
    sys.exit(code)


def open_once_free(manager: ProcessManager, place: Place) -> None:
    """Take the place. Who holds it without a socket is leaving, or only just beginning: give it a moment to decide."""
    until = time.monotonic() + LEAVING_SECONDS
    while True:
        try:
            manager.open()
        except TakenError:
            if os.path.exists(place.socket) or time.monotonic() > until:
                raise
            time.sleep(LEAVING_PAUSE)
        else:
            return


def keep_only(wanted: Collection[int | None]) -> None:
    """Close every descriptor that the caller's shell gave us without a reason, and keep ours from the services."""
    for fd in map(int, os.listdir("/dev/fd")):
        if fd not in wanted:
            with contextlib.suppress(OSError):
                os.close(fd)
        elif fd > 2:
            os.set_inheritable(fd, False)


async def supervise(manager: ProcessManager, place: Place, request: Mapping[str, Any], report: Report) -> int:
    """Start what is wanted, serve, and return the exit code when all is over."""
    async with manager:
        keeper = Keeper(manager.hands, manager.operator)
        keeper.heed_signals()
        if request["lease"] is not None:
            keeper.hold(request["lease"])
        listener = Listener(place.socket)
        manager.history.listen(log_event)
        manager.history.record("supervisor-started", None, 0, {"pid": os.getpid(), "version": VERSION})
        try:
            up = request["up"]
            manager.operator.want(up.get("services"), up.get("profiles") or (), alone=bool(up.get("no_deps")))
            report.stand()
            gc.freeze()
            gc.enable()
            return await serve(listener, manager, keeper, place)
        finally:
            listener.close()


async def serve(listener: Listener, manager: ProcessManager, keeper: Keeper, place: Place) -> int:
    """Answer requests until the run ends; return its exit code."""
    from mamctl.control import registry
    from mamctl.control.server import ControlServer
    from mamctl.runtime.views import Views

    server = ControlServer(listener.socket, manager.operator, manager.history, Views(manager.hands))
    await server.start()
    registry.register(place, os.getpid())
    code, why = await keeper.until_the_end()
    manager.history.record("info", None, 0, {"ending": {"code": code, "reason": why}})
    manager.history.flush()
    registry.unregister(place)
    await server.close(FAREWELL_SECONDS)
    return code


class Report:
    """The one line that the starter waits for."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def stand(self) -> None:
        """Say that clients can come."""
        self._say({"ok": True, "pid": os.getpid()})

    def fail(self, error: MamctlError) -> None:
        """Say why not."""
        problems = [problem._asdict() for problem in getattr(error, "problems", ())]
        self._say({"error": error.message, "hint": error.hint, "code": _code(error), "problems": problems})

    def _say(self, document: Mapping[str, Any]) -> None:
        """Write it, and close: only the first word is heard. A starter that is gone does not matter."""
        fd, self._fd = self._fd, None
        if fd is None:
            logger.error("%s", document)
            return
        with contextlib.suppress(BrokenPipeError), open(fd, "w") as pipe:
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
