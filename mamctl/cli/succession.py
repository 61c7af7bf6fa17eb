"""How one supervisor follows another: when the guardian is lost, when a new version takes over, under a unit.

    guardian lost, foreground   stop everything: nobody would look after it when we die
    guardian lost, detached     become the guardian (execve keeps pid and children) and let it start a new supervisor
    guardian lost, in a unit    serve on; whom systemd starts asks us for everything, and we go (`runtime.handover`)
    reexec                      the guardian renews itself and starts a successor; once that is ready we go

Whoever goes writes down all that is true, and then just ends: what lasts is kept elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from mamctl.core.errors import MamctlError
from mamctl.runtime.crashpoints import crash_point
from mamctl.runtime.environment import home_tag

if TYPE_CHECKING:
    from mamctl.cli.keeper import Keeper
    from mamctl.control.place import Place
    from mamctl.runtime.guarded import Guarded
    from mamctl.runtime.process_manager import ProcessManager

logger = logging.getLogger("mamctl")
REEXEC_SECONDS = 90.0
# From a guardian's death to the next one under a unit: RestartSec, and the start of a slow machine.
HEIR_SECONDS = 8.0


class Succession:
    """Listens to the guardian from the moment we stand. Use inside a running loop."""

    def __init__(
        self, manager: ProcessManager, place: Place, custody: Guarded, keeper: Keeper, *, foreground: bool
    ) -> None:
        self._manager = manager
        self._place = place
        self._custody = custody
        self._keeper = keeper
        self._foreground = foreground
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Future[None] | None = None
        self._loop.add_reader(custody.fileno(), self._listen)
        custody.nudge = self._nudge
        if custody.words["heartbeat"]:
            self._beat()

    async def replace(self) -> dict[str, Any]:
        """Let the installed version take over; returns only when that failed. Raises MamctlError."""
        if self._asked is not None:
            raise MamctlError("a new version is taking over already")
        if self._custody.lost:
            raise MamctlError("there is no guardian that could do that", "look at logs/mamctl.log")
        self._asked = self._loop.create_future()
        self._custody.say("succeed")
        try:
            async with asyncio.timeout(REEXEC_SECONDS):
                await self._asked
        except TimeoutError:
            raise MamctlError("the new version was not ready in time", "look at logs/mamctl.log") from None
        finally:
            self._asked = None
        raise MamctlError("the installed version does not start; this one goes on", "look at logs/mamctl.log")

    async def wait_for_heir(self) -> None:
        """Wait a while for whom systemd has started by now, to tell that everything is down: else it starts anew."""
        if self._custody.lost and self._custody.words["unit"]:
            await asyncio.sleep(HEIR_SECONDS)

    def _listen(self) -> None:
        for order in self._custody.orders():
            if order == "failed" and self._asked is not None:
                self._asked.set_result(None)
            elif order == "let go":
                logger.info("a new version takes over")
                self._go()
        if self._custody.lost:
            self._loop.remove_reader(self._custody.fileno())
            self._lost()

    def _nudge(self) -> None:
        self._loop.call_soon(self._listen)

    def _go(self) -> None:
        """End, and leave everything to who comes now. Clients are cut off; they ask it again."""
        self._manager.write_down()
        crash_point("mid_reexec")
        self._custody.leave(None, hands_over=True)
        os._exit(0)

    def _lost(self) -> None:
        if self._foreground:
            self._keeper.stop("its guardian was killed", code=1)
        elif self._custody.words["unit"]:
            self._await_heir()
        else:
            self._promote()

    def _promote(self) -> None:
        from mamctl.runtime.rebirth import become

        logger.warning("the guardian is gone: this process takes its place and starts a new supervisor")
        self._manager.write_down()
        # The request without the words of the guardian that is gone.
        where = {"door": self._place.door, "journal": self._place.journal, "tag": home_tag(self._place.home)}
        become(self._custody.will(sys.orig_argv[:-1], **where))
        logger.error("that failed: it goes on without a guardian")

    def _await_heir(self) -> None:
        from mamctl.runtime.handover import await_heir

        logger.warning("the guardian is gone: serving on until the one that systemd starts takes over")
        await_heir(self._loop, self._place.heir, self._custody.estate, self._manager.write_down)

    def _beat(self) -> None:
        self._custody.say("alive")
        self._loop.call_later(self._custody.words["heartbeat"], self._beat)
