"""Runs the examples of a page in a folder, and compares what they print with what the page shows.

A `console` block holds commands (`$ ...`) with what they print; any other block with a name is written as that file.
Ports 8100 to 8199 stand for free ones, /home/you/shop for the folder. In the comparison all numbers are alike, amounts
with their units too, and so are spaces and line ends; `...` matches anything.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mamctl.runtime.processes import marked
from tests.docs.pages import ROOT, Fence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DEADLINE = 60.0
HERE = "/home/you/shop"
MARK = "MAMCTL_DOCS_EXAMPLE"
ROUNDS = 1000
PORT = re.compile(r"\b81\d\d\b")
Step = tuple[str, str]


class Transcript:
    """The examples of one page or section, run in one folder and one shell."""

    def __init__(self, found: Iterable[Fence], folder: Path) -> None:
        self._folder = folder
        self._fences = list(found)
        self._ports = free_ports({port for fence in self._fences for port in PORT.findall(fence.text)})

    def run(self) -> Iterator[tuple[str, str, str]]:
        """Yield each command with what the page shows and what it printed."""
        shown, script = [], []
        for fence in self._fences:
            if fence.language == "console":
                for command, output in steps(fence.text):
                    shown.append((command, output))
                    script.append(_told(len(shown), self._with_ports(command)))
            elif fence.name:
                script.append(_written(fence.name, self._with_ports(fence.text)))
        printed = self._shell("".join(script))
        for number, (command, output) in enumerate(shown, 1):
            told = printed.get(number, "the shell ended before this command")
            yield command, output, told.replace(str(self._folder), HERE)

    def _with_ports(self, text: str) -> str:
        return PORT.sub(lambda match: str(self._ports[match[0]]), text)

    def _shell(self, script: str) -> dict[int, str]:
        path = self._folder.parent / f"{self._folder.name}.out"
        mark = str(self._folder)
        with path.open("wb") as file:
            shell = subprocess.Popen(
                ["bash", "--norc", "-c", script],
                cwd=self._folder, env=environment() | {MARK: mark}, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
            try:
                shell.wait(DEADLINE)
            finally:
                _end_all(mark)
                shell.wait()
        parts = re.split(r"\x01(\d+)\n", path.read_text())
        return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def _end_all(mark: str) -> None:
    """End whatever the examples left, supervisors too, so that a page that fails leaves nothing either."""
    for _ in range(ROUNDS):
        left = marked(MARK.encode(), {mark.encode()})
        if not left:
            return
        for pid, _ in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"{left} would not end")


def _told(number: int, command: str) -> str:
    """The marker leaves `$?` as the command before left it."""
    return f"__code=$?; printf '\\001%d\\n' {number}; (exit $__code)\n{command}\n"


def _written(name: str, text: str) -> str:
    return f"mkdir -p $(dirname {name})\ncat > {name} <<'__END__'\n{text}__END__\n"


def steps(text: str) -> list[Step]:
    """Commands with the output beneath each."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def environment() -> dict[str, str]:
    """A newcomer's environment: `mamctl` and `python3` are those that run this test, wherever it is started from."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("MAMCTL", "PYTEST", "COV"))}
    path = [os.path.dirname(sys.executable), os.environ["PATH"]]
    return keep | {"PATH": os.pathsep.join(path), "NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": str(ROOT)}


def free_ports(wanted: set[str]) -> dict[str, int]:
    """A free port for each that a page names; all are held until all are chosen.

    As long as those of the page, so that tables stay aligned, and outside the system's own range, which is warned of.
    """
    with ExitStack() as stack:
        return {port: _free(stack) for port in sorted(wanted)}


def _free(stack: ExitStack) -> int:
    for port in random.sample(range(6100, 7900), 100):
        holder = stack.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            holder.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def same(shown: str, printed: str) -> bool:
    """Tell whether a page shows what was printed, but for numbers and spaces."""
    pattern = ".*?".join(re.escape(part) for part in plain(shown).split("..."))
    return re.fullmatch(pattern, plain(printed), re.DOTALL) is not None


def plain(text: str) -> str:
    """Text in which all amounts are alike: pids, ports, times, sizes, shares."""
    text = re.sub(r"\d[\d.,:]*\d|\d", "N", " ".join(text.split()))
    text = re.sub(r"\bN ?(ms|s|m|h|MB|GB|kB|%)(?!\w)", "N", text)
    text = re.sub(r"\bN-N-N (?=N\b)", "", text)  # a moment of today is told without its day
    return re.sub(r"user \S+, started (just now|N ago)", "user you, started N ago", text)
