"""Trees of processes that escape, and one that never stands still: nobody survives, whoever started them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime import strays
from mamctl.runtime.processes import children, marked
from mamctl.runtime.strays import Census, census
from mamctl.runtime.subreaper import become_subreaper, resign_as_subreaper
from mamctl.runtime.sweeper import Sweeper
from tests.runtime.contained import ESCAPEES, Elsewhere, born, die, groups_at, numbers, placed, spec
from tests.runtime.stack import MISBEHAVE, descriptors, lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from mamctl.runtime.incarnation import Incarnation

NO_GROUPS = "no control group can be made here (it needs root, or a part of the v2 tree that was delegated to us)"


@pytest.fixture(autouse=True)
def subreaper() -> Iterator[None]:
    """Adopt what is orphaned; afterwards no child is left, and no descriptor."""
    new = become_subreaper()
    before, known = descriptors(), children(os.getpid())
    yield
    if new:
        resign_as_subreaper()
    assert descriptors() == before
    assert set(children(os.getpid())) <= set(known)


def tree(number: int, pids: pathlib.Path, *options: object) -> list[object]:
    return [sys.executable, "-IS", ESCAPEES, number, pids, *options]


def survivors(found: Incarnation, home: pathlib.Path, *, grouped: bool, alive: list[int] | None = None) -> list[int]:
    """Kill the leader, clean up, and return who is left of the incarnation."""

    async def scenario() -> None:
        groups = groups_at(home) if grouped else None
        placement = await placed(groups, found) if groups else None
        die(found)
        sweeper = Sweeper(lambda: (), project="test", sole=False)
        assert await sweeper.clean(found) == ()
        assert sweeper._leftovers(found) == []
        if placement is not None:
            placement.leave(found)
            placement.close()

    asyncio.run(scenario())
    left = [pid for pid, _ in marked(b"MAMCTL_INSTANCE", (found.instance.encode(),))]
    return [pid for pid in {*left, *(alive or ())} if lives(pid)]


def need_groups(tmp_path: pathlib.Path) -> None:
    groups = groups_at(tmp_path / "home")
    if groups is None:
        pytest.skip(NO_GROUPS)
    groups.tidy()


@pytest.mark.parametrize("number", [4, 31, pytest.param(301, marks=pytest.mark.slow)])
@pytest.mark.parametrize("grouped", [False, True])
def test_nobody_of_a_tree_survives(tmp_path: pathlib.Path, number: int, grouped: bool) -> None:
    if grouped:
        need_groups(tmp_path)
    pids = tmp_path / "pids"
    found = born(tree(number, pids, "--deaf"))
    eventually(lambda: len(numbers(pids)) == number)
    assert survivors(found, tmp_path / "home", grouped=grouped, alive=numbers(pids)) == []


@pytest.mark.parametrize("number", [4, 31, pytest.param(301, marks=pytest.mark.slow)])
@pytest.mark.parametrize("grouped", [False, True])
def test_nobody_of_a_tree_survives_that_another_supervisor_started(
    tmp_path: pathlib.Path, number: int, grouped: bool
) -> None:
    if grouped:
        need_groups(tmp_path)
    pids = tmp_path / "pids"
    elsewhere = Elsewhere(tree(number, pids, "--deaf"))
    eventually(lambda: len(numbers(pids)) == number)
    assert survivors(elsewhere.incarnation, tmp_path / "home", grouped=grouped, alive=numbers(pids)) == []
    elsewhere.close()


def test_all_that_end_in_one_moment_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Census] = []
    monkeypatch.setattr(strays, "census", lambda: looks.append(census()) or looks[-1])
    elsewhere = [Elsewhere(["sleep", "1000"]) for _ in range(5)]

    async def scenario() -> None:
        sweeper = Sweeper(lambda: (), project="test", sole=False)
        for found in elsewhere:
            die(found.incarnation)
            assert not sweeper.is_clean(found.incarnation)
        await asyncio.gather(*(sweeper.clean(found.incarnation) for found in elsewhere))

    asyncio.run(scenario())
    for found in elsewhere:
        found.close()
    assert len(looks) == 1


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("adopted", [False, True])
def test_a_moving_target_is_caught(tmp_path: pathlib.Path, grouped: bool, adopted: bool) -> None:
    if grouped:
        need_groups(tmp_path)
    runner = [sys.executable, "-IS", MISBEHAVE, "--touch", tmp_path / "up", "--ignore-term", "--fork-forever"]
    argv = ["sh", "-c", '"$@" & exec sleep 1000', "sh", *runner]
    elsewhere = Elsewhere(argv) if adopted else None
    found = elsewhere.incarnation if elsewhere else born(argv)
    eventually((tmp_path / "up").exists)
    assert survivors(found, tmp_path / "home", grouped=grouped) == []
    if elsewhere:
        elsewhere.close()


def test_who_left_without_a_trace_is_found_in_the_control_group(tmp_path: pathlib.Path) -> None:
    """Another session, no environment: only the group tells whose it is."""
    need_groups(tmp_path)
    pids = tmp_path / "pids"

    async def scenario() -> str:
        groups = groups_at(tmp_path / "home")
        assert groups is not None
        found = born(["sh", "-c", 'read line < "$0"; exec "$@"', tmp_path / "go", *tree(4, pids, "--wiped")])
        placement = await placed(groups, found)
        (tmp_path / "go").write_text("go\n")
        await asyncio.to_thread(eventually, lambda: len(numbers(pids)) == 4)
        die(found)
        assert await Sweeper(lambda: (), project="test", sole=False).clean(found) == ()
        assert not [pid for pid in numbers(pids) if lives(pid)]
        placement.leave(found)
        placement.close()
        return groups.folder

    os.mkfifo(tmp_path / "go")
    assert not os.path.exists(asyncio.run(scenario()))


def test_who_is_over_the_grace_already_gets_only_a_last_word(tmp_path: pathlib.Path) -> None:
    """All of a stop takes its grace and a moment, not the grace twice."""
    pids = tmp_path / "pids"
    found = born(tree(4, pids, "--deaf"), spec(grace=30.0))
    eventually(lambda: len(numbers(pids)) == 4)

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        found.asked_at = loop.time() - 30.0
        die(found)
        began = loop.time()
        assert await Sweeper(lambda: (), project="test", sole=False).clean(found) == ()
        return loop.time() - began

    assert asyncio.run(scenario()) < 5


def test_a_stranger_with_the_number_of_the_dead_leader_is_spared(tmp_path: pathlib.Path) -> None:
    found = born(["sleep", "1000"])
    die(found)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as stranger:
        found.pid = stranger.pid  # as if the kernel had given the number away again
        sweeper = Sweeper(lambda: (), project="test", sole=False)
        assert stranger.pid not in sweeper.family(found)[1:]
        sweeper.kill(found)
        assert stranger.poll() is None
        stranger.kill()


ONLY_ROOT = "only root can become an ordinary user here, and show him the interpreter (unshare, setpriv)"


def as_ordinary(*words: str) -> list[str]:
    """Run a scenario of `tests.runtime.unprivileged` as nobody; return the lines that it says."""
    if os.getuid() != 0 or None in (shutil.which("setpriv"), shutil.which("unshare")):
        pytest.skip(ONLY_ROOT)
    python = [sys.executable, "-m"]
    argv = [*python, "tests.faults.ordinary", *python, "tests.runtime.unprivileged", *words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("what", ["tree", "runner", "adopted"])
def test_an_ordinary_user_leaves_nobody_either(what: str) -> None:
    assert as_ordinary(what) == ["0 left"]


def test_who_may_not_be_killed_is_named_by_pid_and_command() -> None:
    """A process of root's in the session of the service; we are an ordinary user there."""
    script = "sleep 1000 >/dev/null & echo $!"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True) as leader:
        assert leader.stdout is not None
        pid = int(leader.stdout.readline())
        try:
            assert leader.wait() == 0
            assert as_ordinary("foreign", str(leader.pid)) == [f"{pid} sleep 1000"]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_an_ordinary_user_has_no_groups_unless_they_were_given_to_him() -> None:
    assert as_ordinary("groups") == ["None"]
