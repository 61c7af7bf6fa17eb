"""How a foreground run ends: by Ctrl-C or a signal, by itself, or because its supervisor was lost.

first Ctrl-C, q, TERM, HUP   stop everything in order; exit 130, 130, 143, 129 once it is done
a second one                 KILL what is left now, and name it
everything ended by itself   the supervisor's last word tells the exit code
observing                    Ctrl-C detaches (0) and stops nothing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.ui import words
from mamctl.ui.report import error

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping

    from mamctl.cli.requests import Requests
    from mamctl.ui.paint import Paint
    from mamctl.ui.progress import Progress

# No stop takes longer: every service has a grace period, after which it is killed.
LONGEST_STOP: Final = 3600.0


class Left(NamedTuple):
    """The services that a lost supervisor left: those that were `ended` in its place, and those that run on."""

    ended: list[str]
    kept: list[str]


NOTHING_LEFT: Final = Left([], [])


class Departure:
    """The end of a run that owns its stack. `code` is what to exit with once the supervisor has left."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint
        self._asked = 0
        self.code: int | None = None
        self._last_words: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether everything is being stopped because we asked for it."""
        return self._asked > 0

    def ask(self, number: signal.Signals, progress: Progress, requests: Requests) -> list[str]:
        """Stop everything, or by force the second time; return what to say."""
        self._asked += 1
        if self._asked == 1:
            self.code = 128 + number
            self._down(requests, force=False)
            return ["stopping; press Ctrl-C again to end what is left at once"]
        if self._asked == 2:
            left = [str(row["name"]) for row in progress.leaving()]
            who = f": {words.names(left, most=20)} had not stopped yet" if left else ""
            self._down(requests, force=True)
            return [f"ending by force{who}"]
        return []

    def finish(self, ending: Mapping[str, Any] | None, left: Left) -> tuple[int, list[str]]:
        """Return the exit code and the last words, once the supervisor has left and all else is told.

        Without a last word of its own it was lost.
        """
        if ending is None and (any(left) or self.code is None):
            what = "; ".join(_told(left)) or "nothing that it ran is left"
            hint = (
                "`mamctl up` takes over what runs on, `mamctl down` stops it"
                if left.kept
                else "look at logs/mamctl.log"
            )
            return self.code or 1, error(f"the supervisor was lost; {what}", hint, self._paint)
        if self.code is not None or ending is None:
            return self.code or 1, self._last_words
        code = int(ending.get("code") or 0)
        reason = str(ending.get("reason") or "everything ended")
        return code, error(reason, None, self._paint) if code else [reason]

    def _down(self, requests: Requests, *, force: bool) -> None:
        requests.send("POST", "/v1/down", {"wait": LONGEST_STOP, "force": force}, self._stopped, LONGEST_STOP)

    def _stopped(self, answer: Any) -> list[str]:
        """Keep the answer for the end: it comes before the last services' own events are heard."""
        self._last_words = self._outcome(answer) or self._last_words
        return []

    def _outcome(self, answer: Any) -> list[str]:
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


def _told(left: Left) -> list[str]:
    ended = [f"what it ran was ended: {words.names(left.ended, most=20)}"] if left.ended else []
    return [*ended, f"on_supervisor_death keeps {words.names(left.kept, most=20)}"] if left.kept else ended
