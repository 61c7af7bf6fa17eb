"""Many things at one moment, and a process that stands still for a while."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from tests.faults.figures import tell
from tests.faults.rounds import rounds
from tests.faults.stack import MISBEHAVE
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.stack import Stack

IDLE = ["sleep", "100000"]


@rounds(200, 500)
def test_no_exit_is_missed_however_many_come_at_once(stack: Stack, rounds: int) -> None:
    names = [f"s{number}" for number in range(rounds)]
    stack.up({name: {"command": IDLE, "restart": "never", "ready": None} for name in names})
    pids = stack.pids()
    assert sorted(pids) == sorted(names)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(AssertionError):
        eventually(lambda: not stack.pids(), within=10)
    rows = stack.rows().values()
    missed = [row["name"] for row in rows if (row["state"], row["exit_signal"]) != ("failed", 9)]
    assert not any(lives(pid) for pid in pids.values())
    tell("exits at one moment", f"{rounds} services", missed=len(missed), zombies_left=zombies(stack.brain))


def zombies(parent: int) -> int:
    """Count the children of a process that nobody reaped."""
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        children = file.read().split()
    return sum(not lives(int(pid)) for pid in children)


@rounds(8, 100)
def test_of_two_racing_ups_one_owns_the_stack(stack: Stack, rounds: int) -> None:
    stack.write({"a": stack.writer("--lines", 10), "b": stack.writer("--lines", 10)})
    other_owners = other_answers = failed = 0
    for _ in range(rounds):
        racers = [stack.command("up", "-d") for _ in range(2)]
        for racer in racers:
            with racer:
                racer.communicate(timeout=30)
            failed += racer.returncode != 0
        # Who came second leaves as soon as it knows.
        settles(lambda: len(stack.owners()) == 1)
        other_owners += len(stack.owners()) - 1
        other_answers += stack.owners() != [stack.brain]
        stack.down()
        settles(lambda: not stack.keepers())
        other_owners += len(stack.keepers())
    tell("two `up -d` at one moment", f"{rounds} pairs", owners_beyond_one=other_owners,
         another_answers=other_answers, commands_failed=failed, double_starts=stack.doubles())  # fmt: skip


def settles(condition: Callable[[], bool]) -> None:
    """Give it a moment to come true; who asks afterwards sees whether it did."""
    with contextlib.suppress(AssertionError):
        eventually(condition, within=3)


def probed(count: int, *, timeout: float, slow: float = 0.0, **keys: Any) -> dict[str, Any]:
    """Return services that are asked all the time, answer after `slow` seconds, and are restarted at one bad answer."""
    live = {"http": "/", "interval": "100ms", "timeout": timeout, "failures": 1}
    made = {}
    for name in (f"s{number}" for number in range(count)):
        port = f"${{services.{name}.port}}"
        command = [sys.executable, "-IS", MISBEHAVE, "--port", port, "--http", "--slow-http", str(slow)]
        made[name] = {"command": command, "port": "auto", "ready": {"http": "/"}, "live": live, **keys}
    return made


def rest(seconds: float) -> None:
    """Let time pass: it is what is tested here."""
    threading.Event().wait(seconds)


@rounds(1, 30)
def test_a_supervisor_that_stood_still_restarts_nobody(stack: Stack, rounds: int) -> None:
    stack.up(probed(10, timeout=0.5, slow=0.2))
    pids = stack.pids()
    brain = stack.brain
    for _ in range(rounds):
        os.kill(brain, signal.SIGSTOP)
        rest(1.5)
        os.kill(brain, signal.SIGCONT)
        rest(1.0)
    changed = sum(pids[name] != pid for name, pid in stack.pids().items())
    tell(
        "supervisor stopped (SIGSTOP) for 1.5 s",
        f"{rounds}, 10 services",
        restarts=stack.restarts(),
        pids_changed=changed,
    )


@rounds(1, 10)
def test_a_service_that_stands_still_is_restarted_once_and_no_other(stack: Stack, rounds: int) -> None:
    stack.up(probed(5, timeout=0.3, stop={"grace": "1s"}))
    before = stack.pids()
    for number in range(rounds):
        victim = stack.pids()["s0"]
        os.kill(victim, signal.SIGSTOP)
        eventually(lambda victim=victim: stack.pids().get("s0") not in (None, victim), within=20)
        eventually(lambda: stack.rows()["s0"]["state"] == "ready", within=20)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGCONT)
        rest(0.5)
        if number % 4 == 3:
            stack.mamctl("up", "-d")
    more = stack.rows()["s0"]["restarts"] - rounds
    others = sum(stack.pids()[name] != pid for name, pid in before.items() if name != "s0")
    tell(
        "service stopped (SIGSTOP) until it is restarted",
        f"{rounds}",
        restarts_beyond_one_each=more,
        others_restarted=others,
    )


@rounds(1, 20)
def test_a_service_that_stood_still_for_less_than_its_limits_is_left_alone(stack: Stack, rounds: int) -> None:
    stack.up(probed(3, timeout=2.0))
    before = stack.pids()
    for _ in range(rounds):
        for pid in before.values():
            os.kill(pid, signal.SIGSTOP)
        rest(1.0)
        for pid in before.values():
            os.kill(pid, signal.SIGCONT)
        rest(0.3)
    tell("services stopped (SIGSTOP) for 1 s, limit 2 s", f"{rounds}, 3 services", restarts=stack.restarts())


@rounds(1, 10)
def test_a_start_during_which_the_supervisor_stood_still_is_no_late_start(stack: Stack, rounds: int) -> None:
    slow_start = ["--ready-after", "0.6"]
    services = probed(5, timeout=2.0, start_timeout="1.2s")
    for keys in services.values():
        keys["command"] += slow_start
    restarts = 0
    for _ in range(rounds):
        stack.up(services, "--no-wait")
        before, brain = stack.pids(), stack.brain
        os.kill(brain, signal.SIGSTOP)
        rest(1.5)
        os.kill(brain, signal.SIGCONT)
        stack.mamctl("wait", "--for", "ready")
        restarts += sum(pid != before[name] for name, pid in stack.pids().items())
        stack.down()
    tell("supervisor stopped (SIGSTOP) past a start's deadline", f"{rounds}, 5 services", restarts=restarts)
