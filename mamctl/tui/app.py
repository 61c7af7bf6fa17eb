"""The dashboard: what is seen, fed by the supervisor, and the keys that ask something of it."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.binding import Binding

from mamctl.tui.dialogs import Confirm, SignalChoice
from mamctl.tui.line import Listening
from mamctl.tui.look import Look
from mamctl.tui.orders import EVERY, Orders
from mamctl.tui.roster import Roster
from mamctl.tui.wording import nothing_runs
from mamctl.ui.amounts import count

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from textual.binding import BindingType
    from textual.worker import Worker

    from mamctl.control.sdk_async import AsyncClient
    from mamctl.tui.book import Line
    from mamctl.ui.paint import Paint

    Task = Callable[[], Coroutine[None, None, None]]
    Document = Mapping[str, Any]
    Narrow = Callable[[Document], Sequence[Document]]

# A supervisor that is replaced is back within this time; until then its services run on, and the table stays.
PATIENCE: Final = 10.0
# Someone who goes through the list opens no log on the way.
SETTLED: Final = 0.15


class Dashboard(Look):
    """`mamctl top`. `title`: what the stack is called while none runs; `seconds`: how old figures may be.

    Its result is the exit code. `problem`: what went wrong in a way that nobody foresaw.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "change('start')", "Start"),
        Binding("x", "change('stop')", "Stop"),
        Binding("r", "change('restart')", "Restart"),
        Binding("i", "signal", "Signal"),
        Binding("X", "change_all('stop')", show=False),
        Binding("R", "change_all('restart')", show=False),
        *Look.KEYS,
    ]

    def __init__(
        self,
        client: AsyncClient,
        *,
        title: str,
        paint: Paint,
        seconds: float = 2.0,
        narrow: Narrow | None = None,
        colour: bool = True,
    ) -> None:
        super().__init__(Roster(narrow), title=title, paint=paint, colour=colour)
        self.problem: BaseException | None = None
        self._title = title
        self._remote = client.reach.tcp is not None
        self._gone_at: float | None = None
        self._listening = Listening(client, self, seconds)
        self._orders = Orders(client, self.tell)

    def on_mount(self) -> None:
        """Look for the supervisor."""
        super().on_mount()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit, 128 + number)
        self._work(self._listening.follow)

    def on_unmount(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)

    # What the supervisor tells ------------------------------------------------------------------------------------

    def hear_status(self, document: Document) -> None:
        """Show how every service is now."""
        before = (self.roster.document or {}).get("supervisor") or {}
        now = document["supervisor"]
        if self._gone_at is not None:
            same = not before or (before["pid"], before["generation"]) == (now["pid"], now["generation"])
            self.tell("" if same else f"another supervisor took over (pid {now['pid']})")
        self._gone_at, self.nobody = None, False
        self.roster.take(document)
        self.figures.take(document["services"])
        self.draw()
        if not before and self.roster.worst:
            self.table.choose(self.roster.worst)

    def hear_silence(self, why: str, *, gone: bool) -> None:
        """Say that there is no answer; where nobody has been for a while, say how to begin."""
        now = asyncio.get_running_loop().time()
        if self._gone_at is None:
            self._gone_at = now
        self.tell("the supervisor is gone; looking for another" if gone else why, lasting=True)
        if gone and (self.roster.document is None or self._listening.left or now - self._gone_at > PATIENCE):
            self.roster.document, self.nobody = None, True
            self.tell("nobody answers; looking for a supervisor", lasting=True)
            self.nothing.put(nothing_runs(self._title, why, remote=self._remote))
            self.draw()

    def hear_events(self, events: Sequence[Document], *, anew: bool) -> None:
        """Show what happened."""
        self.lower.chronicle.add(events, anew=anew)
        self.lower.draw("events")

    def hear_lines(self, lines: Sequence[Line]) -> None:
        """Show what services wrote."""
        self.lower.logs.add(lines)
        self.lower.entitle("logs")

    def on_service_table_chosen(self) -> None:
        """Tell of the service that is chosen now."""
        self.lower.chosen = self.table.chosen
        self.lower.draw()
        if not self.lower.wide["logs"]:
            self._open_logs()

    def action_scope(self) -> None:
        """Let the pane tell of all services, or of the chosen one."""
        super().action_scope()
        if self.lower.active == "logs":
            self._open_logs()

    def _open_logs(self) -> None:
        self.lower.begin_logs()
        names = [] if self.lower.wide["logs"] else [self.table.chosen or EVERY]
        self._work(partial(self._read, names), "logs", only=True)

    async def _read(self, names: Sequence[str]) -> None:
        await asyncio.sleep(SETTLED)
        await self._listening.logs(names)

    # What is asked of it ------------------------------------------------------------------------------------------

    def action_change(self, verb: str) -> None:
        """Start, stop or restart the chosen service."""
        if self.table.chosen:
            self._work(partial(self._orders.change, verb, self.table.chosen))

    def action_change_all(self, verb: str) -> None:
        """Stop or restart all services, after a question."""
        if self.roster.document is None:
            return

        def take(yes: bool | None) -> None:  # noqa: FBT001 - the answer of a dialog
            if yes:
                self._work(partial(self._orders.change, verb, EVERY))

        number = count(len(self.roster.all), "service")
        then = "They stay stopped until they are started again." if verb == "stop" else "Dependencies come first."
        self.push_screen(
            Confirm(f"{verb.capitalize()} all {number} of {self.roster.document['name']}? {then}", verb.capitalize()),
            take,
        )

    def action_signal(self) -> None:
        """Send a signal to the chosen service."""
        name = self.table.chosen
        if name is None:
            return

        def take(number: str | None) -> None:
            if number:
                self._work(partial(self._orders.signal, name, number))

        self.push_screen(SignalChoice(name), take)

    def _work(self, task: Task, group: str = "default", *, only: bool = False) -> Worker[None]:
        return self.run_worker(partial(self._guarded, task), group=group, exclusive=only)

    async def _guarded(self, task: Task) -> None:
        """Let what nobody foresaw end the screen, to be told where it can be read."""
        try:
            await task()
        except Exception as problem:  # noqa: BLE001 - the command line tells it
            self.problem = problem
            self.exit(1)
