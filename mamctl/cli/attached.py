"""The loop of an attached terminal: keys, signals and frames come in; bytes go out. One loop, one `select`.

While our terminal takes nothing more, no frame is read: the supervisor skips then, and says how much. A supervisor that
is lost is looked for again for a while: the next one goes on with the service's terminal, and so do we, byte for byte.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.cli.keyboard import Keyboard
from mamctl.cli.outlet import Outlet
from mamctl.cli.signals import Signals
from mamctl.control import frames
from mamctl.control.attachment import Attachment
from mamctl.control.client import ApiError
from mamctl.core.errors import MamctlError, NoSupervisor
from mamctl.ui.screen import ScreenModes

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from mamctl.cli.detachkeys import DetachKeys
    from mamctl.cli.invocation import Invocation

TAIL: Final = 1 << 14
TYPED: Final = 4096
FAREWELL_SECONDS: Final = 1.0
# A supervisor that was killed is followed by another within a moment, one that is replaced within some seconds.
SEARCH_SECONDS: Final = 10.0
SEARCH_PAUSE: Final = 0.05
LEAVING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending(NamedTuple):
    """How it came to an end: the exit code, and the sentence for people."""

    code: int
    word: str


class Attached:
    """One attached terminal; a context manager that puts ours back as it was, whatever happens.

    `types`: keys go to the service. `tail`: what it has shown before is shown first. Making it attaches, and raises
    what `Attachment` does.
    """

    def __init__(self, invocation: Invocation, service: str, keys: DetachKeys, *, types: bool, tail: bool) -> None:
        self._invocation = invocation
        self._service = service
        self._keys = keys
        self._input = sys.stdin.fileno() if types and sys.stdin is not None else None
        terminal = self._input is not None and os.isatty(self._input)
        self._keyboard = Keyboard(sys.stdin.fileno(), raw=True) if terminal else None
        self._outlet = Outlet(sys.stdout.fileno())
        self._signals = Signals()
        self._modes = ScreenModes()
        self._position: int | None = None
        self._typed_meanwhile = b""
        self._attachment = self._attach({"tail": TAIL if tail else 0})

    def __enter__(self) -> Self:
        """Take signals and keys."""
        self._signals.__enter__()
        if self._keyboard is not None:
            self._keyboard.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go, and put our terminal back."""
        self._attachment.close()
        self._restore()
        self._signals.__exit__(kind, problem, trace)

    def run(self) -> Ending:
        """Stay attached until somebody detaches or the service ends. Raises NoSupervisor when the supervisor does."""
        while True:
            if ending := self._turn():
                return ending

    # What comes in ------------------------------------------------------------------------------------------------

    def _turn(self) -> Ending | None:
        ready, _, _ = select.select(*self._sources(), [])
        self._outlet.push()
        self._attachment.push()
        if ending := self._signalled(ready):
            return ending
        if self._input is not None and self._input in ready and (ending := self._typed(self._input)):
            return ending
        if self._outlet.closed:
            return self._left(128 + signal.SIGHUP)
        return self._heard() if self._attachment in ready else None

    def _sources(self) -> tuple[list[Any], list[Any]]:
        readers: list[Any] = [self._signals]
        writers: list[Any] = [self._attachment] if self._attachment.pending else []
        if not self._attachment.full:
            readers += self._keys_source()
        if self._outlet.pending:
            return readers, [*writers, self._outlet]
        return [*readers, self._attachment], writers

    def _keys_source(self) -> list[int]:
        """Return where keys come from now: a terminal in whose background we are is not ours to read."""
        if self._input is None or (self._keyboard is not None and not self._keyboard.active):
            return []
        return [self._input]

    def _signalled(self, ready: list[Any]) -> Ending | None:
        for number in self._signals.read() if self._signals in ready else ():
            if number in LEAVING:
                return self._left(128 + number)
            self._heed(number)
        return None

    def _heed(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._restore()
            self._signals.stop_here()
        elif number == signal.SIGCONT and self._keyboard is not None:
            self._keyboard.enter()
        if size := self._size():
            self._attachment.resize(size["rows"], size["columns"])

    def _typed(self, source: int) -> Ending | None:
        """Pass on what was typed. The end of a file is the end of typing, that of a terminal a hangup."""
        try:
            typed = os.read(source, TYPED)
        except OSError:
            typed = b""
        if not typed:
            self._input = None
            return None if self._keyboard is None else self._left(128 + signal.SIGHUP)
        if self._keyboard is None:
            self._attachment.type(typed)
            return None
        data, detached = self._keys.feed(typed)
        self._attachment.type(data)
        return self._left(0) if detached else None

    def _heard(self) -> Ending | None:
        try:
            found = self._attachment.receive()
        except EOFError:
            return self._search()
        for frame in found:
            if frame.kind == frames.DATA:
                self._show(frame.content)
            elif ending := self._told(json.loads(frame.content)):
                return ending
        return None

    def _show(self, shown: bytes) -> None:
        self._modes.see(shown)
        self._outlet.add(shown)
        self._outlet.push()
        if self._position is not None:
            self._position += len(shown)

    def _told(self, note: dict[str, Any]) -> Ending | None:
        if "position" in note:
            self._position = int(note["position"])
        if "skipped" in note:
            self._position = (self._position or 0) + int(note["skipped"])
            self._outlet.put(f"\r\n[{note['skipped']:,} bytes not shown: they came faster than they were taken]\r\n")
        if "error" in note:
            raise MamctlError(str(note["error"]))
        return _ended(self._service, note["exited"]) if "exited" in note else None

    def _left(self, code: int) -> Ending:
        return Ending(code, f"detached: {self._service} goes on; `mamctl attach {self._service}` comes back")

    # The supervisor -----------------------------------------------------------------------------------------------

    def _attach(self, wish: dict[str, Any]) -> Attachment:
        return Attachment(self._invocation.client, self._service, {**wish, **self._size()})

    def _size(self) -> dict[str, int]:
        """Return the size of our terminal, when it is one that types: who only looks on does not disturb."""
        if self._keyboard is None:
            return {}
        try:
            columns, rows = os.get_terminal_size(self._keyboard.fileno())
        except OSError:
            return {}
        return {"rows": rows, "columns": columns} if rows and columns else {}

    def _search(self) -> Ending | None:
        """Look for the supervisor that comes after the one that was lost, and go on where that one ended."""
        self._attachment.close()
        where = {"tail": TAIL} if self._position is None else {"after": self._position}
        until = time.monotonic() + SEARCH_SECONDS
        while True:
            try:
                self._attachment = self._attach(where)
            except NoSupervisor:
                if time.monotonic() > until:
                    hint = f"`mamctl status` tells how it stands with {self._service}"
                    raise NoSupervisor("the supervisor was lost", hint) from None
            except ApiError as error:
                # The next supervisor may only be about to start it again.
                if error.code != "not_running" or time.monotonic() > until:
                    raise
            else:
                self._attachment.type(self._typed_meanwhile)
                self._typed_meanwhile = b""
                return None
            if ending := self._pause():
                return ending

    def _pause(self) -> Ending | None:
        """Wait a moment, in which somebody may detach; what else is typed is kept."""
        keys: list[Any] = (
            self._keys_source() if self._keyboard is not None and len(self._typed_meanwhile) < TYPED else []
        )
        ready, _, _ = select.select([self._signals, *keys], [], [], SEARCH_PAUSE)
        if any(number in LEAVING for number in (self._signals.read() if self._signals in ready else ())):
            return self._left(128 + signal.SIGHUP)
        if not keys or keys[0] not in ready:
            return None
        data, detached = self._keys.feed(os.read(keys[0], TYPED))
        self._typed_meanwhile += data
        return self._left(0) if detached else None

    def _restore(self) -> None:
        """Put our terminal back: what the service switched on, and the keys."""
        if os.isatty(self._outlet.fileno()):
            self._outlet.add(self._modes.undo() + b"\r\n")
        self._outlet.finish(FAREWELL_SECONDS)
        if self._keyboard is not None:
            self._keyboard.leave()


def _ended(service: str, how: dict[str, int | None]) -> Ending:
    code, number = how.get("code"), how.get("signal")
    if number:
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return Ending(128 + number, f"{service} was ended by {name}")
    if code is None:
        return Ending(1, f"{service} has ended; nobody knows how")
    return Ending(code, f"{service} has ended with exit code {code}")
