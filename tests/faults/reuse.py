"""Pids that are used again, forced: what a service's number becomes the next moment is a stranger. Prints what was hit.

    unshare --pid --fork --mount-proc python -m tests.faults.reuse FOLDER ROUNDS

Only within a pid namespace of its own, where it may say which number comes next (ns_last_pid).
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.faults.stack import Stack, end, stacked
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_PID = "/proc/sys/kernel/ns_last_pid"
TRIES = 200
# Notes every signal that can be caught; KILL and STOP show by themselves.
STRANGER = """
import os, signal, sys
def note(number, frame):
    open(sys.argv[1], "a").write(f"{number}\\n")
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, note)
open(sys.argv[1] + ".ready", "w").close()
while True:
    signal.pause()
"""
# A service whose leader can be killed alone: what it leaves behind left its session and ignores TERM.
LEAVES = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "w").close()
while True:
    signal.pause()
"""


class Stranger:
    """A process of somebody else's, leader of a session and a group, that has the number we chose."""

    def __init__(self, folder: pathlib.Path, number: int) -> None:
        self.notes = folder / f"stranger{number}"
        for _ in range(TRIES):
            pathlib.Path(LAST_PID).write_text(str(number - 1))
            self.process = subprocess.Popen(
                [sys.executable, "-IS", "-c", STRANGER, str(self.notes)], env={}, start_new_session=True
            )
            if self.process.pid == number:
                break
            self.leave()
        else:
            raise AssertionError(f"{number} could not be had")
        eventually(self.notes.with_name(self.notes.name + ".ready").exists)

    def hit(self) -> bool:
        """Tell whether any signal reached it."""
        return self.process.poll() is not None or self.notes.exists()

    def leave(self) -> None:
        self.process.kill()
        self.process.wait()


def after_a_leader(stack: Stack, folder: pathlib.Path) -> int:
    """The number of a dead leader is used again while what it left is still being ended."""
    left = folder / "left"
    command = [sys.executable, "-IS", "-c", LEAVES, str(left)]
    stack.up({"a": {"command": command, "stop": {"grace": "400ms"}, "restart": {"delay": "10ms"}}})
    eventually(left.exists)
    leader = stack.pids()["a"]
    os.kill(leader, signal.SIGKILL)
    gone(leader)
    stranger = Stranger(folder, leader)
    eventually(lambda: stack.rows()["a"]["restarts"] == 1, within=10)
    return verdict(stack, stranger)


def after_a_stack(stack: Stack, folder: pathlib.Path) -> int:
    """Supervisor and services die; a stranger has the number that the journal knows when the next `up` comes."""
    services = {"a": stack.writer("--lines", 5)}
    stack.up(services)
    pid = stack.pids()["a"]
    while keepers := stack.keepers():
        end(keepers)
    end([pid])
    gone(pid)
    stranger = Stranger(folder, pid)
    stack.up(services)
    assert stack.pids()["a"] != pid
    return verdict(stack, stranger)


def while_it_is_stopped(stack: Stack, folder: pathlib.Path) -> int:
    """An orphan dies while nobody watches, and is to be stopped: `down` without a supervisor."""
    stack.up({name: stack.writer("--lines", 5) for name in ("a", "b")})
    pid = stack.pids()["a"]
    while keepers := stack.keepers():
        end(keepers)
    end([pid])
    gone(pid)
    stranger = Stranger(folder, pid)
    stack.mamctl("down")
    assert stack.processes() == {}
    return verdict(stack, stranger)


def while_its_supervisor_looks_away(stack: Stack, folder: pathlib.Path) -> int:
    """An adopted service dies and its number is used again while its supervisor stands still with a stop to do."""
    services = {"a": stack.writer("--lines", 5, restart="never")}
    stack.up(services)
    while keepers := stack.keepers():
        end(keepers)
    stack.up(services)
    pid, brain = stack.pids()["a"], stack.brain
    os.kill(brain, signal.SIGSTOP)
    stop = stack.command("stop", "a")
    with stop:
        end([pid])
        with contextlib.suppress(AssertionError):
            gone(pid, within=0.5)
        # As long as somebody keeps the dead leader its number cannot be used again, and nobody can be hit.
        stranger = None if os.path.exists(f"/proc/{pid}") else Stranger(folder, pid)
        os.kill(brain, signal.SIGCONT)
        stop.communicate(timeout=20)
    return 0 if stranger is None else verdict(stack, stranger)


def verdict(stack: Stack, stranger: Stranger) -> int:
    """Stop the stack; return 1 when anything of all that reached the stranger."""
    if stack.keepers():
        stack.down()
    hit = stranger.hit()
    stranger.leave()
    return int(hit)


def gone(pid: int, within: float = 3.0) -> None:
    """Wait until a number is free. We are process 1 here: what nobody waits for is ours to reap."""

    def free() -> bool:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return not os.path.exists(f"/proc/{pid}")

    eventually(free, within=within)


SCENARIOS: tuple[Callable[[Stack, pathlib.Path], int], ...] = (
    after_a_leader,
    after_a_stack,
    while_it_is_stopped,
    while_its_supervisor_looks_away,
)


def main() -> None:
    """Play every scenario so many times; print how often a stranger was hit, by scenario."""
    base, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    hits = dict.fromkeys((scenario.__name__ for scenario in SCENARIOS), 0)
    for number in range(rounds):
        for scenario in SCENARIOS:
            folder = base / f"{number}{scenario.__name__[:8]}{len(scenario.__name__)}"
            with stacked(folder / "stack") as stack:
                hits[scenario.__name__] += scenario(stack, folder)
    print(json.dumps(hits))


if __name__ == "__main__":
    assert os.getpid() == 1 or not lives(1), "a pid namespace of its own is needed"
    main()
