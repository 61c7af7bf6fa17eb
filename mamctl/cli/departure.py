"""How a foreground run ends: by Ctrl-C or a signal, by itself, or because its supervisor was lost.

first Ctrl-C, q, TERM, HUP   stop everything in order; exit 130, 130, 143, 129 once it is done
a second one                 KILL what is left now, and name it
everything ended by itself   the supervisor's last word tells the exit code
observing                    Ctrl-C detaches (0) and stops nothing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.errand import Errand
from mamctl.control.client import Client
from mamctl.ui import words
from mamctl.ui.report import error

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping

    from mamctl.ui.paint import Paint
    from mamctl.ui.progress import Progress

    Answer = Callable[[Any], list[str]]

# No stop takes longer: every service has a grace period, after which it is killed.
LONGEST_STOP: Final = 3600.0
MARGIN: Final = 10.0


class Departure:
    """The end of a run that owns its stack. `code` is what to exit with once the supervisor has left."""

    def __init__(self, socket_path: str, paint: Paint) -> None:
        self._client = Client(socket_path)
        self._paint = paint
        self._asked = 0
        self.code: int | None = None

    @property
    def begun(self) -> bool:
        """Whether everything is being stopped because we asked for it."""
        return self._asked > 0

    def ask(self, number: signal.Signals, progress: Progress) -> tuple[list[str], tuple[Errand, Answer] | None]:
        """Stop everything, or by force the second time; return what to say and the request that was begun."""
        self._asked += 1
        if self._asked == 1:
            self.code = 128 + number
            return ["stopping; press Ctrl-C again to end what is left at once"], self._down(force=False)
        if self._asked == 2:
            left = [str(row["name"]) for row in progress.leaving()]
            who = f": {words.names(left, most=20)} had not stopped yet" if left else ""
            return [f"ending by force{who}"], self._down(force=True)
        return [], None

    def finish(self, ending: Mapping[str, Any] | None) -> tuple[int, list[str]]:
        """Return the exit code and the last words, once the supervisor has left."""
        if self.code is not None:
            return self.code, []
        if ending is None:
            told = error(
                "the supervisor was lost; what it ran is being stopped", "look at logs/mamctl.log", self._paint
            )
            return 1, told
        code = int(ending.get("code") or 0)
        reason = str(ending.get("reason") or "everything ended")
        return code, error(reason, None, self._paint) if code else [reason]

    def _down(self, *, force: bool) -> tuple[Errand, Answer]:
        body = {"wait": LONGEST_STOP, "force": force}
        work = Errand(lambda: self._client.request("POST", "/v1/down", body, timeout=LONGEST_STOP + MARGIN))
        return work, self._stopped

    def _stopped(self, answer: Any) -> list[str]:
        survivors = answer.get("survivors") or []
        if survivors:
            self.code = 1
            return error(words.survivors(survivors), "KILL did not end them either", self._paint)
        killed = answer.get("killed") or []
        if self._asked > 1 and not killed:
            # The answer to the second request tells more.
            return []
        if killed:
            return [f"ended by force: {words.names(killed, most=20)}; nothing is left"]
        return ["stopped; nothing is left"]
