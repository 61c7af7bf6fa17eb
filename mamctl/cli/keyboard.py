"""Keys as they are pressed, without waiting for Enter; the terminal is always put back as it was.

Only a process in the terminal's foreground group may read keys or change the terminal: a background one would be
stopped by the system. `enter` therefore looks first, and is called again after each continue signal.
"""

from __future__ import annotations

import os
import termios
import tty
from typing import Any


class Keyboard:
    """The keys of a terminal. `active` while they are read one by one; `raw`: also those that make signals."""

    def __init__(self, descriptor: int, *, raw: bool = False) -> None:
        self._descriptor = descriptor
        self._take = tty.setraw if raw else tty.setcbreak
        self._before: list[Any] | None = None

    @property
    def active(self) -> bool:
        """Whether keys come one by one now."""
        return self._before is not None

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._descriptor

    def enter(self) -> None:
        """Take keys one by one, if this process is in the foreground of a terminal."""
        if not in_foreground(self._descriptor):
            return
        before = self._before or termios.tcgetattr(self._descriptor)
        # Unless raw, signals stay on: Ctrl-C and Ctrl-Z are the terminal's own business. Done again after each continue
        # signal: a shell gives the terminal back as it likes.
        self._take(self._descriptor, termios.TCSADRAIN)
        self._before = before

    def leave(self) -> None:
        """Put the terminal back as it was."""
        if self._before is None:
            return
        before, self._before = self._before, None
        if in_foreground(self._descriptor):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)

    def read(self) -> str:
        """Return the keys that were pressed; "" at the end of the terminal."""
        return self.read_bytes(256).decode("utf-8", "replace")

    def read_bytes(self, most: int) -> bytes:
        """Return the keys as the terminal sends them; nothing at its end."""
        return os.read(self._descriptor, most)


def in_foreground(descriptor: int) -> bool:
    """Tell whether the descriptor is a terminal whose foreground group is ours."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
