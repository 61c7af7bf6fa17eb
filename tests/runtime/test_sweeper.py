"""Nothing is left of a dead incarnation, whatever it forked; and nobody else's child is touched."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.choices import Listener
from mamctl.core.manifest.model import Port, ServiceSpec, Stop
from mamctl.runtime import sweeper as sweeper_module
from mamctl.runtime.environment import environment
from mamctl.runtime.incarnation import Incarnation
from mamctl.runtime.launcher import Launcher
from mamctl.runtime.processes import children
from mamctl.runtime.subreaper import become_subreaper, resign_as_subreaper
from mamctl.runtime.sweeper import Sweeper
from tests.runtime.stack import MISBEHAVE, descriptors, free_port, lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

GRACE = Stop(grace=0.3)


@pytest.fixture(autouse=True)
def subreaper() -> Iterator[None]:
    """Adopt what is orphaned; afterwards no child is left, and no descriptor."""
    new = become_subreaper()
    # What an earlier test has left to the collector must not be closed in between.
    gc.collect()
    before = descriptors()
    known = children(os.getpid())
    yield
    if new:
        resign_as_subreaper()
    assert descriptors() == before
    assert set(children(os.getpid())) <= set(known)


def spec(stop: Stop = GRACE, ports: tuple[int, ...] = (), listener: Listener = Listener.OURS) -> ServiceSpec:
    named = tuple(Port(f"p{number}", number, number) for number in ports)
    return ServiceSpec("web", stop=stop, ports=named, listener=listener)


def born(folder: pathlib.Path, *options: object, of: ServiceSpec | None = None) -> Incarnation:
    """Start a service that misbehaves, and wait until it has done what it does at once."""
    wish = of or spec()
    env = environment(wish, "test", {"PATH": os.environ["PATH"]}, "test/web/one")
    argv = (sys.executable, "-IS", MISBEHAVE, *map(str, options), "--touch", str(folder / "up"))
    launcher = Launcher()
    with open(os.devnull, "w") as nowhere:
        out = nowhere.fileno()
        made = Incarnation(wish, 1, "test/web/one", launcher.launch(argv, cwd="/", env=env, stdout=out, stderr=out))
    launcher.close()
    eventually((folder / "up").exists)
    return made


def die(incarnation: Incarnation) -> None:
    """Kill the leader alone, and collect it."""
    os.kill(incarnation.pid, signal.SIGKILL)
    eventually(incarnation.reap)
    incarnation.release()


def sweeping(*, sole: bool = False) -> Sweeper:
    """A sweeper. A sole one knows the children that are there now: other tests may have some in this process."""
    known = children(os.getpid()) if sole else ()
    return Sweeper(lambda: known, project="test", sole=sole)


def others(folder: pathlib.Path) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(pid) for pid in (folder / "pids").read_text().split()]
    return []


def test_one_that_forked_nothing_is_clean_at_once(tmp_path: pathlib.Path) -> None:
    dead = born(tmp_path)
    die(dead)
    sweeper = sweeping()
    assert sweeper.is_clean(dead)
    assert asyncio.run(sweeper.clean(dead)) == ()
    assert sweeper._sessions == {}


@pytest.mark.parametrize("how", ["--child", "--grandchild"])
@pytest.mark.parametrize("asleep", [False, True])
def test_what_it_forked_is_ended(tmp_path: pathlib.Path, how: str, asleep: bool) -> None:
    """A process that is stopped does not see a signal before it is woken."""
    dead = born(tmp_path, "--pidfile", tmp_path / "pids", how)
    eventually(lambda: others(tmp_path))
    [child] = others(tmp_path)
    if asleep:
        os.kill(child, signal.SIGSTOP)
    os.kill(dead.pid, signal.SIGKILL)
    eventually(lambda: dead._wait(os.WEXITED | os.WNOHANG | os.WNOWAIT))
    sweeper = sweeping()
    assert dead.reap() is not None
    dead.release()
    assert asyncio.run(sweeper.clean(dead)) == ()
    assert not lives(child)


def test_what_ignores_the_stop_signal_is_killed_after_the_grace(tmp_path: pathlib.Path) -> None:
    options = ("--ignore-term", "--pidfile", tmp_path / "pids", "--grandchild")
    dead = born(tmp_path, *options, of=spec(Stop(grace=0.03)))
    eventually(lambda: others(tmp_path))
    die(dead)
    sweeper = sweeping()
    assert not sweeper.is_clean(dead)
    assert lives(others(tmp_path)[0])
    assert asyncio.run(sweeper.clean(dead)) == ()
    assert not lives(others(tmp_path)[0])


def test_what_is_killed_now_is_not_asked_first(tmp_path: pathlib.Path) -> None:
    options = ("--ignore-term", "--pidfile", tmp_path / "pids", "--grandchild")
    dead = born(tmp_path, *options, of=spec(Stop(grace=60)))
    eventually(lambda: others(tmp_path))
    die(dead)
    sweeper = sweeping()
    sweeper.kill(dead)
    assert asyncio.run(sweeper.clean(dead)) == ()
    assert not lives(others(tmp_path)[0])


def test_what_cannot_be_ended_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = born(tmp_path, "--pidfile", tmp_path / "pids", "--grandchild", of=spec(Stop(grace=0.0)))
    eventually(lambda: others(tmp_path))
    die(dead)
    sweeper = sweeping()
    with monkeypatch.context() as patch:
        patch.setattr(sweeper_module, "send", lambda pids, signum: None)
        patch.setattr(sweeper_module, "KILL_SECONDS", 0.02)
        [survivor] = asyncio.run(sweeper.clean(dead))
    assert survivor.pid == others(tmp_path)[0]
    assert MISBEHAVE in survivor.command
    assert asyncio.run(sweeper.clean(dead)) == ()


def test_a_child_of_the_embedding_program_is_left_alone(tmp_path: pathlib.Path) -> None:
    dead = born(tmp_path)
    with subprocess.Popen(["sleep", "100"]) as ours, subprocess.Popen(["true"]) as ended:
        eventually(lambda: not lives(ended.pid))
        die(dead)
        sweeper = sweeping()
        assert sweeper.is_clean(dead)
        assert sweeper.kill_unknown() == []
        sweeper.reap_orphans()
        assert ended.wait() == 0
        assert ours.poll() is None
        ours.kill()


def test_at_the_very_end_only_what_bears_our_mark_is_killed(tmp_path: pathlib.Path) -> None:
    marked = {**os.environ, "MAMCTL_INSTANCE": "test/web/two"}
    elsewhere = {**os.environ, "MAMCTL_INSTANCE": "other/web/two"}
    with (
        subprocess.Popen(["sleep", "100"], env=marked) as ours,
        subprocess.Popen(["sleep", "100"], env=elsewhere) as foreign,
    ):
        sweeper = sweeping()
        # Between fork and exec a process has our own environment still.
        eventually(lambda: sweeper.kill_unknown() == [ours.pid])
        assert ours.wait() == -signal.SIGKILL
        assert foreign.poll() is None
        foreign.kill()


def test_a_supervisor_that_does_nothing_else_leaves_no_child_at_all() -> None:
    sweeper = sweeping(sole=True)
    with subprocess.Popen(["sleep", "100"]) as child:
        assert sweeper.kill_unknown() == [child.pid]
        assert child.wait() == -signal.SIGKILL


def test_who_lives_is_not_swept(tmp_path: pathlib.Path) -> None:
    alive = born(tmp_path)
    sweeper = sweeping(sole=True)
    assert sweeper.kill_unknown() == []
    die(alive)


@pytest.mark.parametrize("listener", [Listener.OURS, Listener.ANY])
def test_it_is_clean_once_its_port_is_free(tmp_path: pathlib.Path, listener: Listener) -> None:
    port = free_port()
    dead = born(tmp_path, of=spec(ports=(port,), listener=listener))
    die(dead)
    sweeper = sweeping()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        # Any listener will do: then nobody can say whose port it is.
        assert sweeper.is_clean(dead) is (listener is Listener.ANY)
    assert sweeper.is_clean(dead)


def test_a_port_that_stays_taken_does_not_hold_up_the_next_start_for_ever(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_module, "PORT_SECONDS", 0.01)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        dead = born(tmp_path, of=spec(ports=(holder.getsockname()[1],)))
        die(dead)
        assert asyncio.run(sweeping().clean(dead)) == ()
