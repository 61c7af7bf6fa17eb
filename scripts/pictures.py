"""Make the README's pictures anew: `make pictures`. The shipped stack runs in a real terminal (tmux); that is drawn.

Data, media and state lie in a temporary folder; the ports are the stack's own, so it must not be running. What is
drawn is what the terminal shows, by scripts/terminal_picture.py.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from terminal_picture import lines, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
IMAGES: Final = ROOT / "docs" / "images"
PATIENCE: Final = 120.0
HELD: Final = 8000
COLUMNS: Final = 112


class Terminal:
    """A shell on a tmux server of its own."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._socket = str(folder / "tmux")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        state = {"MAMCTL_HOME": folder / "home", "DATA_DIR": folder / "data", "MEDIA_PATH": folder / "media"}
        told = [f"{name}={shlex.quote(str(value))}" for name, value in {**state, "PATH": path, "PS1": "$ "}.items()]
        shell = " ".join(["env", "-u", "NO_COLOR", *told, "bash", "--norc", "--noprofile"])
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(rows), "-c", str(ROOT), shell)

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def type(self, line: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._tmux("send-keys", "C-c")

    def shows(self, pattern: str) -> str:
        """Wait until the terminal shows something, and return all that it shows. Raises TimeoutError."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if re.search(pattern, self._tmux("capture-pane", "-p"), re.MULTILINE):
                return self._tmux("capture-pane", "-p", "-e")
            time.sleep(0.1)
        raise TimeoutError(f"the terminal never showed {pattern}:\n{self._tmux('capture-pane', '-p')}")

    def close(self) -> None:
        """End the shell and the tmux server."""
        self._tmux("kill-server")


@contextmanager
def terminal(rows: int) -> Iterator[Terminal]:
    """Open a terminal; whatever the stack of it still runs is stopped before it is closed."""
    with tempfile.TemporaryDirectory(prefix="mamctl-pictures-") as folder:
        opened = Terminal(Path(folder), rows)
        try:
            yield opened
        finally:
            opened.type("clear; mamctl down; echo $?-ended")
            opened.shows(r"^\d-ended")
            opened.close()


def up() -> str:
    """Return what `mamctl up` shows until all is ready."""
    with terminal(24) as shell:
        shell.type("clear; mamctl up")
        shown = shell.shows(r"^all \d+ ready in[^$]*django +http")
        shell.interrupt()
        shell.shows(r"^\$ ?$")
    return shown


def status() -> str:
    """Return what `mamctl status` shows when somebody holds the port of a service."""
    with terminal(32) as shell:
        shell.type(f"python3 -m http.server --bind 127.0.0.1 {HELD} > /dev/null 2>&1 &")
        shell.type("mamctl up -d; echo $?-settled")
        shell.shows(r"^\d-settled")
        shell.type("clear; mamctl status")
        return shell.shows(r"✗ django: [^$]*hint: [^$]*^\$")


def main() -> None:
    """Write both pictures."""
    for name, made in (("up", up), ("status", status)):
        (IMAGES / f"{name}.svg").write_text(picture(lines(made()), f"mamctl {name}"), encoding="utf-8")


if __name__ == "__main__":
    main()
