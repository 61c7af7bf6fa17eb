"""A foreground `up` on a real terminal, of which this or that is killed: nothing is left, and the ports are free."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.terminal import Terminal
from tests.faults.stack import MAMCTL, MISBEHAVE, end
from tests.faults.test_kills import IDLE, SOON, stands
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.stack import Stack

# What the promise is, in seconds: for services that obey TERM, and what is added to the grace of those that do not.
PROMISE = 1.0
# A test machine that does other things too gets this much more.
SLACK = 4.0
GRACE = 2.0


@pytest.fixture
def terminal(stack: Stack) -> Iterator[Callable[..., Terminal]]:
    """Return what runs `mamctl up`, or another command, on a terminal of its own."""
    opened: list[Terminal] = []

    def run(*command: str) -> Terminal:
        opened.append(Terminal(command or [*MAMCTL, "up"], cwd=str(stack.folder), environ=stack.environ))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


def serving(number: int, *options: str, **keys: object) -> dict[str, object]:
    command = [sys.executable, "-IS", MISBEHAVE, "--port", str(number), "--http", *options]
    return {"command": command, "port": number, "ready": {"http": "/"}, **keys}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def is_free(number: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", number)):
        return True
    return False


KILLED = {
    "client": ("client",),
    "supervisor": ("brain",),
    "guardian": ("guardian",),
    "client and supervisor": ("client", "brain"),
    "client and guardian": ("client", "guardian"),
    "supervisor and guardian": ("guardian", "brain"),
    "all three": ("client", "guardian", "brain"),
}
# Nobody is there any more who could end the services; the next `up` or `down` does.
LEFT = ("supervisor and guardian", "all three")


@pytest.mark.parametrize("deaf", [False, pytest.param(True, marks=pytest.mark.torture)])
@pytest.mark.parametrize("killed", KILLED)
def test_after_a_kill_nothing_is_left_and_the_ports_are_free(
    stack: Stack, terminal: Callable[..., Terminal], killed: str, deaf: bool
) -> None:
    ports = free_ports(3)
    options = ["--ignore-term"] if deaf else ["--grandchild"]
    stop = {"grace": f"{GRACE}s"}
    stack.write({f"s{number}": serving(port, *options, stop=stop) for number, port in enumerate(ports)})
    up = terminal()
    up.expect("all 3 ready")
    who = {"client": up.process.pid, "brain": stack.brain, "guardian": stack.guardian or 0}
    for name in KILLED[killed]:
        os.kill(who[name], signal.SIGKILL)
    began = time.monotonic()
    if killed in LEFT:
        up.wait()
        left_to_the_next(stack, ports, killed)
        return
    eventually(lambda: not stack.processes() and not stack.keepers(), within=GRACE + SOON)
    assert all(map(is_free, ports))
    assert time.monotonic() - began < (GRACE if deaf else 0) + PROMISE + SLACK
    if "client" not in KILLED[killed]:
        assert up.wait() == 1
    assert "nothing is running" in stack.mamctl("down")


def left_to_the_next(stack: Stack, ports: list[int], killed: str) -> None:
    """When nobody is left to end them, the client does, or the next command."""
    if "client" in KILLED[killed]:
        assert stack.processes()
        stack.mamctl("down")
    eventually(lambda: not stack.processes() and not stack.keepers(), within=SOON)
    assert all(map(is_free, ports))


def test_a_hangup_leaves_nothing(stack: Stack, terminal: Callable[..., Terminal]) -> None:
    stack.write({"a": {"command": IDLE}, "b": {"command": IDLE}})
    up = terminal()
    up.expect("all 2 ready")
    os.close(up.master)
    began = time.monotonic()
    eventually(lambda: not stack.processes() and not stack.keepers(), within=SOON)
    assert time.monotonic() - began < PROMISE + SLACK
    assert up.process.wait(SOON) == 129
    # So that the terminal's own end has something to close.
    up.master = os.open(os.devnull, os.O_RDWR)


def test_ctrl_z_stops_only_the_client(stack: Stack, terminal: Callable[..., Terminal]) -> None:
    stack.write({"a": stack.writer("--rate", 500), "b": {"command": IDLE}})
    shell = terminal("bash", "--norc", "--noprofile", "-i")
    shell.press(" ".join(MAMCTL) + " up\n")
    shell.expect("all 2 ready")
    pids = stack.pids()
    shell.press("\x1a")
    shell.expect("Stopped")
    size = stack.log("a").stat().st_size
    eventually(lambda: stack.log("a").stat().st_size > size + 10_000, within=SOON)
    assert stack.pids() == pids
    shell.press("fg\n")
    shell.press("?")
    shell.expect("the services go on")
    shell.press("\x03")
    shell.expect("nothing is left")
    assert stack.processes() == {}


def test_who_is_to_be_kept_in_the_foreground_is(stack: Stack, terminal: Callable[..., Terminal]) -> None:
    stack.write({"keeps": {"command": IDLE, "on_supervisor_death": "keep"}, "ends": {"command": IDLE}})
    up = terminal()
    up.expect("all 2 ready")
    pids = stack.pids()
    os.kill(stack.brain, signal.SIGKILL)
    up.expect("on_supervisor_death keeps keeps")
    up.wait()
    eventually(lambda: not stack.keepers(), within=SOON)
    assert not lives(pids["ends"])
    assert lives(pids["keeps"])
    stack.up()
    assert stack.pids()["keeps"] == pids["keeps"]


def test_who_is_to_end_with_a_detached_supervisor_is_started_again(stack: Stack) -> None:
    stack.up({"ends": {"command": IDLE, "on_supervisor_death": "stop"}, "keeps": {"command": IDLE}})
    pids, brain = stack.pids(), stack.brain
    os.kill(brain, signal.SIGKILL)
    eventually(stands(stack, known=brain), within=SOON)
    eventually(lambda: stack.pids().get("ends") not in (None, pids["ends"]), within=SOON)
    assert not lives(pids["ends"])
    assert stack.pids()["keeps"] == pids["keeps"]


@pytest.mark.parametrize("killed", ["supervisor", "guardian", "client and supervisor"])
def test_a_foreground_run_ends_what_it_adopted_too(
    stack: Stack, terminal: Callable[..., Terminal], killed: str
) -> None:
    stack.up({"a": {"command": IDLE}, "b": {"command": IDLE}})
    pids, guardian, brain = stack.pids(), stack.guardian, stack.brain
    assert guardian is not None
    end([guardian, brain])
    up = terminal()
    up.expect("all 2 ready")
    assert stack.pids() == pids
    who = {"client": up.process.pid, "brain": stack.brain, "guardian": stack.guardian or 0}
    for name in KILLED[killed]:
        os.kill(who[name], signal.SIGKILL)
    up.wait()
    eventually(lambda: not stack.keepers(), within=SOON)
    eventually(lambda: not stack.processes(), within=SOON)
