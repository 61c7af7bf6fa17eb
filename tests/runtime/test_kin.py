"""The guardian's children: reaped on the brain's word, remembered when nobody asked yet, stopped at the very end.

Each test runs in a process of its own, so that the children are all its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime import kin
from mamctl.runtime.environment import home_tag, new_instance
from mamctl.runtime.kin import Children, descendants, marker, signal_one, table
from mamctl.runtime.subreaper import become_subreaper
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who is whose child")
SLEEP = ["/bin/sleep", "1000"]


def apart(scenario: Callable[[], Any]) -> Any:
    """Run it in a forked process that adopts orphans; return what it returns."""
    hears, says = os.pipe()
    if (child := os.fork()) == 0:
        try:
            become_subreaper()
            answer = {"answer": scenario()}
        except BaseException:  # noqa: BLE001 - told to the other process, which fails with it
            answer = {"error": traceback.format_exc()}
        os.write(says, json.dumps(answer).encode())
        for pid in descendants():
            os.kill(pid, signal.SIGKILL)
        os._exit(0)
    os.close(says)
    with open(hears) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    assert "error" not in answer, answer["error"]
    return answer["answer"]


def spawn(*argv: str, service: str = "") -> int:
    env = {**os.environ, "MAMCTL_SERVICE": service} if service else {}
    return os.posix_spawn(argv[0], argv, env)


def is_zombie(pid: int) -> bool:
    return table().get(pid, (0, ""))[1] == "Z"


def shell(script: str, service: str = "") -> int:
    """Start a shell and wait until it says that it is there."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"{script}"], stdout=subprocess.PIPE, env={**os.environ, "MAMCTL_SERVICE": service}
    )
    assert process.stdout is not None
    with process.stdout as says:
        assert says.readline() == b"there\n"
    process.returncode = 0
    return process.pid


def nothing(_pid: int) -> dict[str, Any]:
    return {}


def test_the_status_of_a_child_is_told_once_and_of_one_that_lives_or_is_a_strangers_never() -> None:
    def scenario() -> list[int | None]:
        children = Children({})
        living, ended = spawn(*SLEEP), spawn("/bin/sh", "-c", "exit 3")
        eventually(lambda: is_zombie(ended))
        return [children.status(living), children.status(ended), children.status(ended), children.status(1)]

    assert apart(scenario) == [None, 3 << 8, None, None]


def test_what_is_remembered_of_a_number_is_not_told_of_its_next_owner() -> None:
    def scenario() -> list[int | None]:
        living, ended, reaped = spawn(*SLEEP), spawn("/bin/sh", "-c", "exit 3"), spawn("/bin/sh", "-c", "exit 4")
        children = Children({str(pid): 9 for pid in (living, ended, reaped)})
        eventually(lambda: is_zombie(ended) and is_zombie(reaped))
        told = [children.status(living), children.status(ended)]
        children.reap([])
        return [*told, children.status(reaped), children.status(living)]

    assert apart(scenario) == [None, 3 << 8, 4 << 8, None]


def test_zombies_that_nobody_asked_for_are_reaped_and_remembered_but_not_those_that_are_spared() -> None:
    def scenario() -> list[Any]:
        children = Children({"4711": 9})
        asked, other, killed = spawn("/bin/sh", "-c", "exit 1"), spawn("/bin/sh", "-c", "exit 2"), spawn(*SLEEP)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: all(map(is_zombie, (asked, other, killed))))
        children.reap([asked])
        left = [is_zombie(asked), other in table(), killed in table()]
        return [*left, children.status(other), children.status(killed), children.status(asked), children.status(4711)]

    assert apart(scenario) == [True, False, False, 2 << 8, 9, 1 << 8, 9]


def test_only_so_many_are_remembered_the_last_ones() -> None:
    def scenario() -> list[int]:
        kin.RECORDED = 3
        children = Children({str(pid): 0 for pid in range(1_000_000, 1_000_005)})
        pid = spawn("/bin/true")
        eventually(lambda: is_zombie(pid))
        children.reap([])
        return [len(children.statuses), children.statuses[pid]]

    assert apart(scenario) == [3, 0]


def test_reaping_without_children_is_no_error() -> None:
    assert apart(lambda: Children({}).reap([])) is None


def test_descendants_are_all_below_even_those_whose_parents_died_and_no_zombies() -> None:
    def scenario() -> bool:
        grandchild = shell("sleep 1000 & echo there; wait")
        orphan = int(subprocess.check_output(["/bin/sh", "-c", "sleep 1000 >/dev/null & echo $!"]))
        dead = spawn("/bin/true")
        eventually(lambda: is_zombie(dead))
        found = descendants()
        return len(found) == 3 and {grandchild, orphan} < set(found) and dead not in found and found[0] != orphan

    assert apart(scenario)


def test_each_is_stopped_with_its_own_signal_and_killed_after_its_own_grace() -> None:
    def scenario() -> list[Any]:
        usr1 = shell("trap 'exit 5' USR1; trap '' TERM; echo there; while :; do sleep 0.01; done", "usr1")
        deaf = shell("trap '' TERM; echo there; while :; do sleep 0.01; done", "deaf")
        plain = shell("echo there; exec sleep 1000", "plain")
        notes = {"usr1": {"signal": signal.SIGUSR1, "grace": 5.0}, "deaf": {"grace": 0.2}, "plain": {"grace": 5.0}}
        children = Children({})
        looks = []
        began = time.monotonic()
        left = children.stop(lambda pid: notes.get(marker(pid), {}), lambda _note: True, lambda: looks.append(1))
        return [
            left,
            time.monotonic() - began < 4.0,
            bool(looks),
            [children.status(pid) for pid in (usr1, deaf, plain)],
        ]

    statuses = [5 << 8, signal.SIGKILL, signal.SIGTERM]
    assert apart(scenario) == [[], True, True, statuses]


def test_one_that_is_stopped_in_its_tracks_is_woken_to_hear_it() -> None:
    def scenario() -> int | None:
        pid = shell("echo there; exec sleep 1000")
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: table()[pid][1] == "T")
        children = Children({})
        children.stop(nothing, lambda _note: True, lambda: None)
        return children.status(pid)

    assert apart(scenario) == signal.SIGTERM


def test_only_those_that_are_chosen_are_stopped() -> None:
    def scenario() -> list[bool]:
        mortal, spared = shell("echo there; exec sleep 1000", "mortal"), shell("echo there; exec sleep 1000", "spared")
        Children({}).stop(lambda pid: {"is": marker(pid)}, lambda note: note["is"] == "mortal", lambda: None)
        return [lives(mortal), lives(spared)]

    assert apart(scenario) == [False, True]


def test_who_survives_even_kill_is_named_and_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that hangs in the kernel: here the signals are lost."""
    monkeypatch.setattr(kin, "KILL_SECONDS", 0.1)
    monkeypatch.setattr(kin, "signal_one", lambda _pid, _number: None)

    def scenario() -> bool:
        pid = spawn(*SLEEP)
        return Children({}).stop(lambda _pid: {"grace": 0.1}, lambda _note: True, lambda: None) == [pid]

    assert apart(scenario)


@pytest.mark.parametrize(("command", "well"), [("exit 0", True), ("exit 1", False), ("kill -9 $$", False)])
def test_a_command_succeeds_or_not(command: str, well: bool) -> None:
    assert apart(lambda: Children({}).succeeds(["/bin/sh", "-c", command])) is well


def test_a_command_that_is_not_there_does_not_succeed() -> None:
    assert Children({}).succeeds(["/no/such/command"]) is False


def test_a_command_that_takes_too_long_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kin, "CHECK_SECONDS", 0.1)
    assert apart(lambda: Children({}).succeeds(SLEEP)) is False


def test_those_of_a_home_are_family_also_where_they_are_not_below_us(tmp_path: pathlib.Path) -> None:
    ours, others = (new_instance("p", "web", str(tmp_path / name)) for name in ("ours", "others"))
    process = subprocess.Popen(SLEEP, env={**os.environ, "MAMCTL_INSTANCE": ours})
    stranger = subprocess.Popen(SLEEP, env={**os.environ, "MAMCTL_INSTANCE": others})
    try:
        tag = home_tag(str(tmp_path / "ours"))

        def scenario() -> list[list[int]]:
            below = spawn(*SLEEP)
            eventually(lambda: descendants() == [below])
            found = [kin.family(""), kin.family(tag)]
            return [[pid for pid in pids if pid != below] for pids in found]

        eventually(lambda: all(marker(one.pid, b"MAMCTL_INSTANCE") for one in (process, stranger)))
        assert apart(scenario) == [[], [process.pid]]
    finally:
        for one in (process, stranger):
            one.kill()
            one.wait()


def test_a_process_tells_its_service_by_its_mark() -> None:
    pid = shell("echo there; exec sleep 1000", "wëb")
    try:
        # Between fork and exec a child shows its parent's environment.
        eventually(lambda: marker(pid) == "wëb")
        assert marker(1 << 22) == ""
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_signalling_one_that_is_gone_is_no_error() -> None:
    signal_one(1 << 22, signal.SIGTERM)
