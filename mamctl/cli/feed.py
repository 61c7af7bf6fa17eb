"""A stack's status for somebody who keeps looking: fresh when something happened, also from the next supervisor.

A supervisor that is replaced or killed ends the stream of its events. Another takes its place within a moment, so it
is looked for, for a while; only then, or after its own last word, the stack counts as left.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.client import Client
from mamctl.core.errors import MamctlError, NoSupervisor
from mamctl.ui import words

if TYPE_CHECKING:
    from mamctl.cli.invocation import Invocation
    from mamctl.control.client import Stream

# How long a killed supervisor may be away: its guardian starts another within a second, on a busy machine later.
PATIENCE: Final = 10.0
ANSWER_SECONDS: Final = 3.0


class Feed:
    """The running stack's status. `note` is what a person should know about the supervisor now, "" for nothing.

    `left`: why no more will come; None while there is hope.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._client = Client(invocation.client.reach, timeout=ANSWER_SECONDS)
        self._stream: Stream | None = None
        self._lost_at: float | None = None
        self._known: tuple[object, object] | None = None
        self.note = ""
        self.left: str | None = None

    @property
    def streams(self) -> list[Stream]:
        """What to wait on."""
        return [self._stream] if self._stream else []

    @property
    def lost(self) -> bool:
        """Whether nobody answers now."""
        return self._lost_at is not None

    def close(self) -> None:
        """End the stream."""
        if self._stream:
            self._stream.close()
        self._stream = None

    def hear(self) -> None:
        """Take what the stream told: that something happened is enough, but a last word counts."""
        if self._stream is None:
            return
        try:
            for event in self._stream.read():
                ending = (event.get("data") or {}).get("ending")
                if ending:
                    reason = str(ending.get("reason") or "")
                    self.left = f"the supervisor has left: {words.ENDINGS.get(reason, reason)}".removesuffix(": ")
        except EOFError:
            self.close()

    def document(self) -> dict[str, Any] | None:
        """Return the status as it is now, or None while nobody answers."""
        try:
            if self._stream is None:
                self._stream = self._client.stream("/v1/events", {"Accept": "text/event-stream"})
            found: dict[str, Any] = self._client.request("GET", "/v1/status")
        except NoSupervisor as problem:
            self._miss(problem)
            return None
        except (MamctlError, OSError, EOFError) as problem:
            # It is there, but busy, or just leaving.
            self.close()
            self.note = f"no answer: {problem}" if str(problem) else "no answer"
            return None
        self.meet(found["supervisor"])
        return found

    def end(self, seconds: float) -> None:
        """Wait until the supervisor that said its last word is gone, for at most so long."""
        deadline = time.monotonic() + seconds
        while self._stream and select.select([self._stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
            self.hear()
        self.close()

    def _miss(self, problem: NoSupervisor) -> None:
        # It may have said its last word and closed the door before we read it.
        self.hear()
        self.close()
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        self.note = "the supervisor is gone; waiting for another"
        if now - self._lost_at > PATIENCE and self.left is None:
            self.left = f"the supervisor is gone: {problem.message}"

    def meet(self, supervisor: dict[str, Any]) -> None:
        """Take note of who answers; another than before is worth a word."""
        me = (supervisor.get("pid"), supervisor.get("generation"))
        if self._known not in (None, me):
            self.note = f"another supervisor took over (pid {supervisor.get('pid')})"
        elif self.lost or self.note.startswith("no answer"):
            self.note = ""
        self._known, self._lost_at = me, None
