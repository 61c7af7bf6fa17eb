"""What a guardian keeps: descriptors by name, and what moves the output of FIFOs among them while no brain does.

Only the standard library, and little of it: the guardian is made of this.
"""

from __future__ import annotations

import json
import os

from mamctl.runtime.drain import Drain
from mamctl.runtime.relay import Relay
from mamctl.runtime.wire import BATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mamctl.runtime.wire import Message


class Vault:
    """Descriptors with a note beside them, by name. `drains`: those that are being emptied now.

    Notes are kept as text: hundreds of services' would otherwise be the largest part of a guardian.
    """

    def __init__(self, items: Sequence[tuple[str, list[int], Message]]) -> None:
        self.kept: dict[str, tuple[tuple[int, ...], str]] = {}
        for name, fds, note in items:
            self.keep(name, fds, note)
        self.drains: dict[int, tuple[str, Drain | Relay]] = {}

    def keep(self, name: str, descriptors: list[int], note: Message) -> None:
        """Keep these under a name; what it stood for is let go."""
        self.drop(name)
        self.kept[name] = (tuple(descriptors), json.dumps(note))

    def drop(self, name: str) -> None:
        """Let go of a name."""
        for fd in self.kept.pop(name, ((), ""))[0]:
            os.close(fd)

    def page(self, after: int) -> tuple[Message, list[int]]:
        """Return a part of all that is kept, and its descriptors."""
        items: list[object] = []
        given: list[int] = []
        for name, (fds, note) in list(self.kept.items())[after:]:
            if len(given) + len(fds) > BATCH:
                break
            items.append([name, len(fds), json.loads(note)])
            given += fds
        return {"items": items, "more": after + len(items) < len(self.kept)}, given

    def estate(self) -> list[list[object]]:
        """Return all that is kept, as a new guardian takes it."""
        return [[name, list(fds), json.loads(note)] for name, (fds, note) in self.kept.items()]

    def note(self, name: str) -> Message:
        """Return what was noted beside a name, nothing for one that is not kept."""
        found: Message = json.loads(self.kept.get(name, ((), "{}"))[1])
        return found

    def drain(self) -> dict[int, Callable[[], object]]:
        """Begin to move what the services write; return the descriptors to listen to, and what moves from each."""
        for name, (fds, _) in self.kept.items():
            note = self.note(name)
            for fd, paths in zip(fds, note.get("logs", ()), strict=False):
                self.drains[fd] = (name, Drain(fd, paths))
            if note.get("terminal"):
                self.drains[fds[0]] = (name, Relay(fds[0], fds[1]))
        return {fd: drain.move for fd, (_, drain) in self.drains.items()}

    def rest(self) -> None:
        """Leave the output to a brain, and note how many bytes were lost."""
        for name, drain in self.drains.values():
            drain.close()
            note = self.note(name)
            self.kept[name] = (self.kept[name][0], json.dumps({**note, "lost": note.get("lost", 0) + drain.lost}))
        self.drains.clear()

    def move(self) -> None:
        """Move once what waits."""
        for _, drain in self.drains.values():
            drain.move()
