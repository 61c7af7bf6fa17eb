"""What was scaled stays scaled, whoever is killed or replaced, until the next `up`; nobody is doubled."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.stack import free_port, lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from tests.faults.stack import Stack

pytestmark = pytest.mark.slow
SOON = 30.0
LISTEN = (
    "import os, socket, time; kept = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); time.sleep(1000)"
)


def services(stack: Stack, number: int = 2) -> dict[str, Any]:
    return {
        "worker": stack.writer("--rate", 20, replicas=number),
        "web": {"command": ["python3", "-IS", "-c", LISTEN], "port": "auto", "replicas": 1},
        "db": stack.writer("--rate", 20),
    }


def names(stack: Stack) -> list[str]:
    return sorted(stack.pids())


def kill(stack: Stack, pid: int | None) -> None:
    assert pid is not None
    brain = stack.brain
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not lives(pid), within=SOON)
    eventually(lambda: answers(stack) and stack.brain != brain, within=SOON)


def kill_all(stack: Stack) -> None:
    """Kill guardian and supervisor; stopped before, neither can put another in the other's place."""
    keepers = [stack.guardian, stack.brain]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in keepers:
            assert pid is not None
            os.kill(pid, number)
    eventually(lambda: stack.keepers() == [], within=SOON)


def answers(stack: Stack) -> bool:
    return stack.mamctl("status", code=None).startswith(stack.name)


def ports(stack: Stack) -> dict[str, dict[str, int]]:
    return {name: row["ports"] for name, row in stack.rows().items()}


def test_it_stays_scaled_over_kills_and_replacements_until_up(stack: Stack) -> None:
    stack.up(services(stack))
    said = stack.mamctl("scale", "worker=4", "web=2")
    assert "worker: 4 replicas, 2 before" in said
    before, numbers = stack.pids(), ports(stack)
    kill(stack, stack.brain)
    assert (stack.pids(), ports(stack)) == (before, numbers)
    kill(stack, stack.guardian)
    stack.mamctl("reexec")
    assert (stack.pids(), ports(stack)) == (before, numbers)
    stack.mamctl("restart", "db")
    stack.mamctl("scale", "worker=1")
    kill(stack, stack.brain)
    stack.mamctl("start", "db")
    assert names(stack) == ["db", "web-1", "web-2", "worker-1"]
    said = stack.up()
    assert "worker: 2 replicas, 1 before: the manifest says so" in said
    assert names(stack) == ["db", "web-1", "worker-1", "worker-2"]
    assert ports(stack)["web-1"] == numbers["web-1"]
    assert stack.pids()["worker-1"] == before["worker-1"]
    assert stack.doubles() == 0


@pytest.mark.parametrize(
    ("words", "left"),
    [((), ["db", "web-1", "worker-1", "worker-2"]), (("db",), ["db", "web-1", "worker-1", "worker-2", "worker-3"])],
)
def test_when_all_supervisors_are_killed_up_takes_over_what_was_scaled(
    stack: Stack, words: tuple[str, ...], left: list[str]
) -> None:
    stack.up(services(stack))
    stack.mamctl("scale", "worker=3")
    before = stack.pids()
    kill_all(stack)
    stack.up(None, *words)
    assert names(stack) == left
    assert {name: before[name] for name in left} == stack.pids()
    assert stack.doubles() == 0


def test_a_supervisor_killed_while_it_scales_leaves_no_half_of_it(stack: Stack) -> None:
    stack.up(services(stack))
    for number in (5, 1, 4):
        with stack.command("scale", f"worker={number}", "web=1") as scaling:
            os.kill(stack.brain, signal.SIGKILL)
            said, trouble = scaling.communicate(timeout=SOON)
        assert scaling.returncode == 0, said + trouble
        workers = [name for name in names(stack) if name.startswith("worker")]
        assert workers == [f"worker-{index + 1}" for index in range(number)]
        assert stack.status()["replicas"]["worker"] == {"number": number, "manifest": 2}
    assert stack.doubles() == 0


def test_a_manifest_that_has_too_few_ports_by_now_holds_as_it_is_written(stack: Stack) -> None:
    first, web = free_port(), {"command": ["sleep", "1000"], "ready": None, "replicas": 2}
    stack.up({"web": {**web, "port": f"{first}-{first + 3}"}})
    stack.mamctl("scale", "web=4")
    kill_all(stack)
    stack.up({"web": {**web, "port": f"{first}-{first + 1}"}})
    assert names(stack) == ["web-1", "web-2"]
    assert len(stack.processes()) == 2


def test_what_is_up_for_a_while_beside_a_scaled_stack_leaves_its_numbers_alone(stack: Stack) -> None:
    task = {"kind": "task", "command": ["true"], "depends_on": ["worker"], "manual": True}
    smoke = [{"name": "it is there", "exec": ["true"]}]
    stack.write({**services(stack), "task": task}, smoke=smoke)
    stack.up()
    stack.mamctl("scale", "worker=1")
    stack.mamctl("stop", "db", "worker")
    stack.mamctl("smoke", "--up")
    stack.mamctl("run", "task")
    assert names(stack) == ["web-1", "worker-1"]
    assert stack.status()["replicas"]["worker"] == {"number": 1, "manifest": 2}
    stack.mamctl("scale", "worker=4")
    stack.mamctl("smoke", "--up")
    assert names(stack) == ["web-1", *(f"worker-{number}" for number in (1, 2, 3, 4))]


def test_a_manifest_that_is_good_only_as_it_was_scaled_goes_on_like_that(stack: Stack) -> None:
    web = {"web": {**services(stack)["web"], "replicas": 2}}
    stack.up(web)
    stack.mamctl("scale", "web=1")
    before = stack.pids()
    kill_all(stack)
    stack.up({**web, "client": {"command": ["sleep", "${services.web.port}"]}})
    assert names(stack) == ["client", "web-1"]
    assert stack.pids()["web-1"] == before["web-1"]
    assert [one["data"]["detail"] for one in stack.events("warning")] == [
        "the manifest has 1 problem, so replicas stay as they are"
    ]
    assert "web has 2 replicas, and one is meant" in stack.mamctl("up", "-d", code=2)
