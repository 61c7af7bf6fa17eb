"""The brain's end of the line to the guardian: custody of descriptors, zombies collected on our word, its orders.

Whatever is kept there is kept here as well: if the guardian is the one who dies, we are to become it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mamctl.runtime.wire import BATCH, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# So many descriptors may be under way to the guardian before we wait for it.
UNDER_WAY: Final = BATCH // 2
# A guardian that stands still (SIGSTOP) is waited for so long, in seconds; then we do without its answer.
PATIENCE: Final = 5.0
ORDERS: Final = ("let go", "failed", "yours")


class Guarded:
    """Custody by a guardian. `words` is what it told us at our start: `start`, `unit`, `heartbeat`."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.words = words
        end = socket.socket(fileno=words["guardian"])
        self._wire = Wire(end)
        self._ears = select.poll()
        self._ears.register(end.fileno(), select.POLLIN)
        self._orders: deque[str] = deque()
        self._kept: dict[str, tuple[list[int], Mapping[str, object]]] = {}
        self._found: dict[str, tuple[list[int], Mapping[str, Any]]] = {}
        self._under_way = self._asked = 0
        self.lost = False
        # Called when an order came while we waited for an answer.
        self.nudge: Callable[[], None] = lambda: None

    @property
    def keeper(self) -> int | None:
        """The guardian's pid, None once it is gone."""
        return None if self.lost else os.getppid()

    # Custody -----------------------------------------------------------------------------------------------------

    def keep(self, name: str, descriptors: Sequence[int], note: Mapping[str, object] | None = None) -> None:
        """Let the guardian keep these under a name."""
        self._remember(name, _copies(descriptors), note or {})
        self._say({"do": "keep", "name": name, "note": note or {}}, descriptors)
        self._under_way += len(descriptors)
        if self._under_way >= UNDER_WAY:
            self._under_way = 0
            self._ask({"do": "sync"})

    def take(self, name: str) -> list[int]:
        """Return what was kept under a name when we began; it goes on being kept."""
        descriptors, note = self._found.pop(name, ([], {}))
        if descriptors:
            self._remember(name, _copies(descriptors), note)
        return descriptors

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what was noted beside descriptors that have not been taken yet."""
        return self._found.get(name, ([], {}))[1]

    def drop(self, name: str) -> None:
        """Let go of what is kept under a name."""
        for descriptor in (*self._kept.pop(name, ([], {}))[0], *self._found.pop(name, ([], {}))[0]):
            os.close(descriptor)
        self._say({"do": "drop", "name": name})

    def found(self) -> list[str]:
        """Name what was kept and has not been taken."""
        return list(self._found)

    # The guardian's other duties ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be in charge: get all that is kept; from now on the guardian leaves the output to us."""
        more = True
        while more:
            answer, descriptors = self._ask({"do": "take", "after": len(self._found)})
            for name, count, note in answer.get("items", ()):
                self._found[name] = (descriptors[:count], note)
                del descriptors[:count]
            more = answer.get("more", False)

    def reap(self, pid: int) -> int | None:
        """Collect a process that became the guardian's child; return its wait status, None when it knows none."""
        status: int | None = self._ask({"do": "reap", "pid": pid})[0].get("status")
        return status

    def reap_others(self, pids: Iterable[int]) -> None:
        """Let it collect all zombies but these."""
        self._say({"do": "reap_others", "pids": list(pids)})

    def say(self, what: str) -> None:
        """Say `stand`, `alive`, `ready` or `succeed`."""
        self._say({"do": what})

    def leave(self, code: int | None, *, hands_over: bool = False) -> None:
        """Say, as the last thing, that we end in order and with which exit code."""
        self._say({"do": "leave", "code": code, "hands_over": hands_over})

    # Its orders --------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Return what is readable when it says something, or is gone."""
        return self._wire.socket.fileno()

    def orders(self) -> list[str]:
        """Return what it told us unasked: `let go`, `failed`, `yours`; after that `lost` tells whether it is gone."""
        if not self._orders and self._ears.poll(0):
            self._receive()
        said = list(self._orders)
        self._orders.clear()
        return said

    def wait_for(self, order: str) -> bool:
        """Wait, as long as it takes, for one order; False when the guardian is gone."""
        while not self.lost and order not in self.orders():
            self._ears.poll()
        return not self.lost

    def estate(self) -> list[tuple[str, list[int], dict[str, Any]]]:
        """Return all that is kept, for who has it after us."""
        return [(name, fds, dict(note)) for name, (fds, note) in {**self._found, **self._kept}.items()]

    def inherit(self, items: Iterable[tuple[str, list[int], dict[str, Any]]]) -> None:
        """Keep what somebody else had, to be taken as if this guardian had kept it all the time."""
        for name, descriptors, note in items:
            self.keep(name, descriptors, note)
            self._found[name] = (descriptors, note)

    def will(self, argv: list[str], *, door: str, journal: str, tag: str) -> dict[str, Any]:
        """Return the state of the guardian that this process is to become."""
        known = {name: self.words[name] for name in ("open_files", "crashes_allowed")}
        about = {"argv": argv, "door": door, "journal": journal, "tag": tag}
        return {**about, "kept": self.estate(), "stood": True, **known}

    # The line ----------------------------------------------------------------------------------------------------

    def _remember(self, name: str, descriptors: list[int], note: Mapping[str, object]) -> None:
        for descriptor in self._kept.pop(name, ([], {}))[0]:
            os.close(descriptor)
        self._kept[name] = (descriptors, note)

    def _say(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        try:
            self._wire.send(message, descriptors)
        except OSError as error:
            # Too many descriptors under way to a guardian that stands still: we have them all the same.
            self.lost = self.lost or error.errno != errno.ETOOMANYREFS

    def _ask(self, message: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """Say something and wait for the answer; an empty one when the guardian is gone or stands still."""
        self._asked += 1
        self._say({**message, "ask": self._asked})
        while not self.lost and self._ears.poll(PATIENCE * 1000):
            for said, descriptors in self._receive():
                if said.get("ask") == self._asked:
                    return said, descriptors
                # The answer to a question that we gave up.
                for late in descriptors:
                    os.close(late)
        return {}, []

    def _receive(self) -> list[tuple[dict[str, Any], list[int]]]:
        """Read what came; orders are put aside."""
        messages = None
        with contextlib.suppress(OSError):
            messages = self._wire.receive()
        self.lost = self.lost or messages is None
        answers = []
        for message, descriptors in messages or ():
            if message["said"] in ORDERS:
                self._orders.append(message["said"])
                self.nudge()
            else:
                answers.append((message, descriptors))
        return answers


def _copies(descriptors: Sequence[int]) -> list[int]:
    """Duplicate all, or none: who has no descriptors left tries again, and loses none by that."""
    copies: list[int] = []
    try:
        copies.extend(map(os.dup, descriptors))
    except OSError:
        for copy in copies:
            os.close(copy)
        raise
    return copies
