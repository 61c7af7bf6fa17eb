"""The brain: wire runtime and control together, say that it stands, run until all is over or another takes over.

Started by the guardian, with two JSON arguments: what `runtime.launch` asked for, and the guardian's words (`start`:
first, again after one that was lost, or successor). The services are spawned before the first client is answered; what
only the API needs is imported after that, except by a successor: it shows first that it could do everything.
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
from mamctl.cli.succession import Succession
from mamctl.control.listener import Listener
from mamctl.control.place import Place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime import crashpoints
from mamctl.runtime.guarded import Guarded
from mamctl.runtime.handover import take_over
from mamctl.runtime.ownership import TakenError
from mamctl.runtime.process_manager import ProcessManager
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mamctl.control.xmlrpc.facade import Facade

logger = logging.getLogger("mamctl")
# After the last word, clients have this long to hear it.
FAREWELL_SECONDS = 1.0
# A supervisor that has taken its socket away is gone within this time.
LEAVING_SECONDS, LEAVING_PAUSE = 2.0, 0.01


def main() -> None:
    """Run one supervisor; the process's exit code is that of the run."""
    request, words = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    keep_only({0, 1, 2, words["guardian"]})
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    place, custody = Place(*request["place"]), Guarded(words)
    if words["start"] == "successor" and not wait_for_turn(place, custody):
        sys.exit(1)
    crashpoints.arm(place.home)
    custody.begin()
    sys.exit(run(place, request, custody))


def run(place: Place, request: Mapping[str, Any], custody: Guarded) -> int:
    """Run until the end, and take leave of the guardian; return the exit code."""
    # Nothing that is made while starting becomes garbage: looking for it would only delay the services.
    gc.disable()
    report = Report(custody)
    start = custody.words["start"]
    manager = ProcessManager(
        place.manifest,
        home=place.home,
        logs=place.logs,
        sole=True,
        keeps=not request["foreground"],
        custody=custody,
        proven=start != "first",
        orderly=start == "successor",
    )
    try:
        open_once_free(manager, place, custody)
        code = asyncio.run(supervise(manager, place, request, report, custody))
    except MamctlError as error:
        report.fail(error)
        code = error.exit_code
        if start != "first":
            return code
    custody.leave(code)
    return code


def wait_for_turn(place: Place, custody: Guarded) -> bool:
    """Show that this version can do all that is needed, and wait until the one before lets go; False: not ours."""
    from mamctl.control import registry, server  # noqa: F401 - what the API needs is to be there
    from mamctl.runtime import views  # noqa: F401 - likewise
    from mamctl.runtime.manifest import load

    try:
        load(place.manifest, environ=os.environ)
    except MamctlError as error:
        logger.error("this version cannot take over: %s", error.message)  # noqa: TRY400 - no trace: it is the manifest
        return False
    custody.say("ready")
    return custody.wait_for("yours")


def open_once_free(manager: ProcessManager, place: Place, custody: Guarded) -> None:
    """Take the place. Who holds it without a socket is leaving, or only just beginning: give it a moment to decide.

    Who holds it without a guardian, as a unit whose guardian died, gives it to us with all that it has.
    """
    until = time.monotonic() + LEAVING_SECONDS
    while True:
        try:
            manager.open()
        except TakenError:
            if (estate := take_over(place.heir)) is not None:
                custody.inherit(estate)
                manager.proven = True
                continue
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


async def supervise(
    manager: ProcessManager, place: Place, request: Mapping[str, Any], report: Report, custody: Guarded
) -> int:
    """Go on with what another one left, or start what is wanted; serve; return the exit code when all is over."""
    lease = custody.take("lease")
    manager.history.listen(log_event)
    first = custody.words["start"] == "first"
    data = {"pid": os.getpid(), "guardian_pid": os.getppid(), "version": VERSION}
    manager.history.record("supervisor-started" if first else "supervisor-restarted", None, 0, data)
    async with manager:
        manager.hands.listeners.address = f"unix://{place.socket}"
        keeper = Keeper(manager.hands, manager.operator)
        keeper.heed_signals()
        if lease:
            keeper.hold(lease[0])
        listener = Listener(place.socket, custody.take("control"))
        custody.keep("control", [listener.socket.fileno()], {"path": place.socket})
        try:
            begin(manager, keeper, request, custody)
            # From now on we may be killed and followed by another: what is wanted must not be known to us alone.
            manager.write_down()
            report.stand()
            succession = Succession(manager, place, custody, keeper, foreground=bool(lease))
            manager.operator.replace = succession.replace
            gc.freeze()
            gc.enable()
            code = await serve(listener, manager, keeper, place, custody)
            await succession.wait_for_heir()
            return code
        finally:
            listener.close()


def begin(manager: ProcessManager, keeper: Keeper, request: Mapping[str, Any], custody: Guarded) -> None:
    """Want what was asked for, once; one that goes on for another knows what is wanted."""
    first = custody.words["start"] == "first"
    downing = manager.legacy.recollection.downing and manager.proven
    if request.get("down") or downing:
        keeper.stop("the one before was told to" if downing else "it was asked for")
    elif first:
        up, decisive = request["up"], decide_by(keeper, request, first=True)
        profiles, alone = up.get("profiles") or (), bool(up.get("no_deps"))
        named = [*(up.get("services") or ()), decisive] if decisive and up.get("services") else up.get("services")
        manager.operator.begin(named, profiles, alone=alone)
        if decisive:
            manager.operator.want([decisive], alone=alone)
    else:
        decide_by(keeper, request, first=False)


def decide_by(keeper: Keeper, request: Mapping[str, Any], *, first: bool) -> str | None:
    """Let one service decide about the end, if that was asked for; who goes on may not find it any more."""
    if (pattern := request["up"].get("exit_code_from")) is None:
        return None
    try:
        return keeper.end_with(pattern)
    except UsageError:
        if first:
            raise
    return None


async def serve(listener: Listener, manager: ProcessManager, keeper: Keeper, place: Place, custody: Guarded) -> int:
    """Answer requests until the run ends; return its exit code."""
    from mamctl.cli.remote import Remote
    from mamctl.control import registry
    from mamctl.control.server import ControlServer
    from mamctl.runtime.views import Views

    server = ControlServer(
        listener.socket, manager.operator, manager.history, Views(manager.hands), memory=manager.requests
    )
    server.make_facade = lambda: facade_of(manager)
    await server.start()
    registry.register(place, os.getpid())
    async with asyncio.TaskGroup() as group:
        remote = group.create_task(Remote(server, manager, custody, place.home).follow())
        code, why = await keeper.until_the_end()
        remote.cancel()
    manager.history.record("info", None, 0, {"ending": {"code": code, "reason": why}})
    manager.history.flush()
    registry.unregister(place)
    await server.close(FAREWELL_SECONDS)
    return code


def facade_of(manager: ProcessManager) -> Facade:
    """Return who answers tools made for supervisord; few stacks are asked by one."""
    from mamctl.control.xmlrpc.facade import Facade
    from mamctl.runtime.programs import Programs
    from mamctl.runtime.views import Views

    return Facade(manager.operator, Views(manager.hands), Programs(manager.hands, manager.operator))


class Report:
    """The one line that the starter waits for, through a pipe that the guardian has from it."""

    def __init__(self, custody: Guarded) -> None:
        self._custody = custody
        self._fd = next(iter(custody.take("report")), None)

    def stand(self) -> None:
        """Say that clients can come."""
        self._custody.say("stand")
        self._say({"ok": True, "pid": os.getpid()})

    def fail(self, error: MamctlError) -> None:
        """Say why not."""
        problems = [problem._asdict() for problem in getattr(error, "problems", ())]
        self._say({"error": error.message, "hint": error.hint, "code": _code(error), "problems": problems})

    def _say(self, document: Mapping[str, Any]) -> None:
        """Write it, and close: only the first word is heard. A starter that is gone does not matter."""
        fd, self._fd = self._fd, None
        if fd is None:
            if "error" in document:
                logger.error("%s", document)
            return
        with contextlib.suppress(BrokenPipeError), open(fd, "w") as pipe:
            json.dump(document, pipe)
        self._custody.drop("report")


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
