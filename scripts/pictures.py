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
# Lines and columns of the large picture of `mamctl top`.
WIDE: Final = (48, 170)


class Terminal:
    """A shell on a tmux server of its own."""

    def __init__(self, folder: Path, rows: int, columns: int = COLUMNS, *, cwd: Path = ROOT) -> None:
        self._socket = str(folder / "tmux")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        state = {"MAMCTL_HOME": folder / "home", "DATA_DIR": folder / "data", "MEDIA_PATH": folder / "media"}
        told = [f"{name}={shlex.quote(str(value))}" for name, value in {**state, "PATH": path, "PS1": "$ "}.items()]
        shell = " ".join(["env", "-u", "NO_COLOR", *told, "bash", "--norc", "--noprofile"])
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(cwd), shell)

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def type(self, line: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal larger or smaller."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

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

    def whole(self) -> str:
        """Return all that it shows now, also the spaces at the ends of lines, which may have a ground."""
        return self._tmux("capture-pane", "-p", "-e", "-N")

    def close(self) -> None:
        """End the shell and the tmux server."""
        self._tmux("kill-server")


@contextmanager
def terminal(rows: int, columns: int = COLUMNS, manifest: str = "") -> Iterator[Terminal]:
    """Open a terminal; whatever the stack of it still runs is stopped before it is closed.

    It is in this repository, or with a manifest in a folder that holds only that.
    """
    with tempfile.TemporaryDirectory(prefix="mamctl-pictures-") as folder:
        if manifest:
            (Path(folder) / "services.yaml").write_text(manifest, encoding="utf-8")
        opened = Terminal(Path(folder), rows, columns, cwd=Path(folder) if manifest else ROOT)
        try:
            yield opened
        finally:
            # Out of whatever a picture that failed has left in front.
            opened.interrupt()
            opened.shows(r"^\$ ?$")
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


def top() -> tuple[str, str]:
    """Return what `mamctl top` shows of a stack in trouble: in a large window, and in a small one with a search."""
    with terminal(*WIDE, (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")) as shell:
        shell.type("clear; mamctl up -d --no-wait; mamctl top --every 500ms")
        shell.shows(r"mailer +↻ backoff(?s:.)*worker-2 +● ready")
        # At first the one in trouble is chosen; the backend, three lines below it, has the most to show.
        shell.press("Down", "Down", "Down", "a")
        shell.shows(r"(?s)mailer +↻ backoff.*request 31\d\d.*ERROR upstream.*job done")
        large = shell.whole()
        shell.resize(80, 24)
        shell.press("/")
        shell.shows(r"search the log")
        shell.type("took [0-9]{3}")
        shell.shows(r"match \d+ of")
        small = shell.whole()
    return large, small


def save(name: str, shown: str, title: str) -> None:
    """Write a picture."""
    (IMAGES / f"{name}.svg").write_text(picture(lines(shown), title), encoding="utf-8")


def main() -> None:
    """Write the pictures that are named, or all."""
    wanted = sys.argv[1:] or ["up", "status", "top"]
    if "up" in wanted:
        save("up", up(), "mamctl up")
    if "status" in wanted:
        save("status", status(), "mamctl status")
    if "top" in wanted:
        large, small = top()
        save("top", large, "mamctl top")
        save("top-narrow", small, "mamctl top")


if __name__ == "__main__":
    main()
