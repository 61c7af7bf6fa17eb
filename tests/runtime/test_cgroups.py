"""Control groups: where there can be some, one for each incarnation, found again, killed and taken away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.events import Shortage
from mamctl.runtime import cgroups
from mamctl.runtime.cgroups import Group, Groups, folder_name, group_name, open_groups, tidy
from mamctl.runtime.placement import Placement, _move_one
from mamctl.runtime.processes import children
from tests.runtime.contained import born, die, groups_at, placed
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

INSTANCE = "shop/web/0123456789abcdef0123"


@pytest.fixture
def groups(tmp_path: pathlib.Path) -> Iterator[Groups]:
    """The groups of a stack; nothing of them is left afterwards."""
    found = groups_at(tmp_path / "home")
    if found is None:
        pytest.skip("no control group can be made here (it needs root, or a part of the v2 tree that was delegated)")
    yield found
    found.tidy()
    assert not os.path.exists(found.folder)


# Where there are groups -------------------------------------------------------------------------------------------


HYBRID = """31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
PART = "29 23 0:26 /docker/x /sys/fs/c\\040group ro - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "membership", "base"),
    [
        (HYBRID, "4:memory:/elsewhere\n0::/\n", "/sys/fs/cgroup/unified"),
        (UNIFIED, "0::/user.slice/a.scope\n", "/sys/fs/cgroup/user.slice/a.scope"),
        (UNIFIED, "0::/system.slice/mamctl-shop.service\n", "/sys/fs/cgroup/system.slice/mamctl-shop.service"),
        (UNIFIED, f"0::/a/mamctl-fe00-1a/{group_name(INSTANCE)}\n", "/sys/fs/cgroup/a"),
        (UNIFIED, f"0::/mamctl-fe00-1a/{group_name(INSTANCE)}/deeper\n", "/sys/fs/cgroup"),
        (PART, "0::/docker/x/y\n", "/sys/fs/c group/y"),
        (PART, "0::/docker/other\n", None),
        (UNIFIED, "0::/../outside\n", None),
        (UNIFIED, "4:memory:/only-v1\n", None),
        (HYBRID.replace("cgroup2 cgroup2", "cgroup cgroup"), "0::/\n", None),
        ("", "", None),
    ],
)
def test_our_own_group_is_found_as_the_kernel_shows_it(
    monkeypatch: pytest.MonkeyPatch, mountinfo: str, membership: str, base: str | None
) -> None:
    """Inside of the group of a service, the base is where that service's own supervisor is."""
    files = {"/proc/self/mountinfo": mountinfo, f"/proc/{os.getpid()}/cgroup": membership}
    monkeypatch.setattr(cgroups, "_read", files.__getitem__)
    assert cgroups._base() == base


def test_where_no_group_can_be_made_there_are_none(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is no tree of groups, one that we may not write, and none at all."""
    (tmp_path / "cgroup.procs").touch()
    for base in (str(tmp_path), str(tmp_path / "missing"), None):
        monkeypatch.setattr(cgroups, "_base", lambda base=base: base)
        assert open_groups(str(tmp_path)) is None
    assert os.listdir(tmp_path) == ["cgroup.procs"]


# Groups -----------------------------------------------------------------------------------------------------------


def test_a_group_holds_what_is_forked_in_it_and_is_killed_at_one_stroke(groups: Groups) -> None:
    group = groups.make(INSTANCE)
    assert group.is_empty()
    with subprocess.Popen(["sh", "-c", "read x; sleep 1000 & sleep 1000"], stdin=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        group.add(shell.pid)
        shell.stdin.write(b"go\n")
        shell.stdin.close()
        eventually(lambda: len(group.pids()) == 3)
        assert not group.is_empty()
        assert not group.remove()
        group.kill()
        assert shell.wait() == -signal.SIGKILL
    eventually(group.is_empty)
    assert group.remove()
    assert group.remove()
    assert group.pids() == []
    group.kill()


def test_a_group_is_taken_away_with_those_that_the_service_made_in_it(groups: Groups) -> None:
    group = groups.make(INSTANCE)
    os.makedirs(f"{group.path}/inner/innermost")
    with subprocess.Popen(["sleep", "1000"]) as inside:
        Group(f"{group.path}/inner/innermost").add(inside.pid)
        assert group.pids() == [inside.pid]
        group.kill()
        inside.wait()
    eventually(group.remove)


def test_that_nobody_is_there_is_never_taken_from_a_reading_that_failed(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptors left: whoever cannot look must not say that the group is empty."""
    group = groups.make(INSTANCE)

    def refuse(*_args: object, **_keys: object) -> None:
        raise OSError(24, "Too many open files")

    for function in ("open", "scandir"):
        with monkeypatch.context() as patch:
            patch.setattr(cgroups, "open", refuse, raising=False)
            patch.setattr(os, function, refuse)
            with pytest.raises(OSError, match="Too many open files"):
                group.pids()
    assert group.remove()


def test_two_homes_never_share_a_folder(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert folder_name(str(tmp_path / "a")) != folder_name(str(tmp_path / "b"))
    assert folder_name(str(tmp_path / "a")) == folder_name(str(tmp_path / "b" / ".." / "a"))


def test_what_a_dead_run_left_empty_is_taken_away_and_who_lives_is_left_alone(
    groups: Groups, tmp_path: pathlib.Path
) -> None:
    empty, full = groups.make(INSTANCE), groups.make("shop/db/0123456789abcdef")
    with subprocess.Popen(["sleep", "1000"]) as alive:
        full.add(alive.pid)
        assert groups_at(tmp_path / "home") is not None
        assert not os.path.exists(empty.path)
        assert full.pids() == [alive.pid]
        alive.kill()
    eventually(full.is_empty)


def test_the_folder_of_the_last_run_is_tidied_also_when_the_next_one_is_started_from_elsewhere(
    groups: Groups, tmp_path: pathlib.Path
) -> None:
    elsewhere = Group(f"{groups.base.path}/elsewhere-{os.getpid()}")
    old = Groups(elsewhere.path, str(tmp_path / "home"))
    old.make(INSTANCE)
    (tmp_path / "home" / "cgroup").write_text(old.folder)
    assert groups_at(tmp_path / "home") is not None
    assert not os.path.exists(old.folder)
    assert elsewhere.remove()


def test_an_empty_folder_whose_home_never_came_again_is_taken_away_once_it_is_old(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Group(f"{groups.base.path}/elsewhere-{os.getpid()}")
    folder = f"{base.path}/mamctl-0-1"
    os.makedirs(f"{folder}/web.0123456789ab")
    cgroups._tidy_forgotten(base.path)
    assert os.path.exists(folder)
    monkeypatch.setattr(cgroups, "FORGOTTEN_SECONDS", -1.0)
    cgroups._tidy_forgotten(base.path)
    assert not os.path.exists(folder)
    assert base.remove()


def test_the_group_of_one_that_died_unseen_is_known_again(groups: Groups) -> None:
    group = groups.make(INSTANCE)
    found = groups.left_by(INSTANCE)
    assert found is not None
    assert (found.path, found.limited) == (group.path, False)
    assert groups.left_by("shop/web/ffffffffffff") is None


def test_nothing_is_removed_that_is_no_folder_of_ours(tmp_path: pathlib.Path) -> None:
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir()
    (victim / "empty").mkdir(parents=True)
    (home / "cgroup").write_text(str(victim))
    cgroups._tidy_last(str(home))
    assert (victim / "empty").exists()
    tidy(str(tmp_path / "missing"))


# Memory, as a kernel with the controller says it ------------------------------------------------------------------


def test_the_kernel_is_given_the_limit_where_it_takes_one(tmp_path: pathlib.Path) -> None:
    for name in ("memory.max", "memory.oom.group"):
        (tmp_path / name).touch()
    group = Group(str(tmp_path))
    group.limit_memory(1000)
    assert group.limited
    assert (tmp_path / "memory.max").read_text() == "1000"
    assert (tmp_path / "memory.oom.group").read_text() == "1"


def test_without_the_controller_a_group_has_no_limit(tmp_path: pathlib.Path) -> None:
    group = Group(str(tmp_path))
    group.limit_memory(1000)
    assert not group.limited
    assert group.shortage() is None


@pytest.mark.parametrize(
    ("events", "limited", "why"),
    [
        ("oom 0\noom_kill 0\n", True, None),
        ("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 1\n", True, Shortage.LIMIT),
        ("max 0\noom 0\noom_kill 1\n", True, Shortage.MACHINE),
        ("max 9\noom 1\noom_kill 1\n", False, Shortage.MACHINE),
        ("", True, None),
    ],
)
def test_its_own_limit_and_the_machine_are_told_apart(
    tmp_path: pathlib.Path, events: str, limited: bool, why: Shortage | None
) -> None:
    (tmp_path / "memory.events").write_text(events)
    assert Group(str(tmp_path), limited=limited).shortage() is why


def test_the_controller_is_asked_for_along_the_way_to_a_limited_group(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, str]] = []
    monkeypatch.setattr(cgroups, "_write", lambda path, text: written.append((os.path.relpath(path, tmp_path), text)))
    made = Groups(str(tmp_path), str(tmp_path))
    folder = os.path.basename(made.folder)
    made.make(INSTANCE)
    assert written == []
    assert made.make(INSTANCE, 5).limited
    made.make("shop/db/0123456789ab", 5)
    controllers = [(f"{way}cgroup.subtree_control", "+memory") for way in ("", f"{folder}/")]
    assert written[:4] == [
        *controllers,
        (f"{folder}/{group_name(INSTANCE)}/memory.max", "5"),
        (f"{folder}/{group_name(INSTANCE)}/memory.oom.group", "1"),
    ]
    assert [name for name, _ in written].count("cgroup.subtree_control") == 1


# Services in them -------------------------------------------------------------------------------------------------


def test_a_service_is_put_into_its_group_with_what_it_forked_before(groups: Groups) -> None:
    async def scenario() -> None:
        found = born(["sh", "-c", "sleep 1000 & sleep 1000 & exec sleep 1000"])
        await asyncio.to_thread(eventually, lambda: len(children(found.pid)) == 2)
        placement = await placed(groups, found)
        assert found.control is not None
        assert set(found.control.pids()) == {found.pid, *children(found.pid)}
        assert os.path.basename(found.control.path) == group_name(found.instance)
        found.send(signal.SIGKILL)
        await asyncio.to_thread(eventually, found.reap)
        found.release()
        await asyncio.to_thread(eventually, found.control.is_empty)
        placement.leave(found)
        placement.close()

    asyncio.run(scenario())


def test_another_supervisor_finds_the_group_that_a_service_is_in(groups: Groups, tmp_path: pathlib.Path) -> None:
    """Also when that one's groups are made elsewhere: the kernel shows where the process is."""

    async def scenario() -> None:
        found = born(["sleep", "1000"])
        first = await placed(groups, found)
        earlier, found.control = found.control, None
        (tmp_path / "other").mkdir()
        later = await placed(Groups(groups.base.path, str(tmp_path / "other")), found)
        assert earlier is not None
        assert found.control is not None
        assert found.control.path == earlier.path
        die(found)
        later.leave(found)
        later.close()
        first.close()

    asyncio.run(scenario())


def test_a_service_that_ends_before_it_is_moved_leaves_no_group(groups: Groups) -> None:
    async def scenario() -> Group | None:
        placement = Placement(asyncio.get_running_loop())
        placement.groups = groups
        found = born(["true"])
        placement.join(found)
        await asyncio.to_thread(eventually, found.reap)
        found.release()
        placement.leave(found)
        await asyncio.to_thread(eventually, lambda: not placement._waiting and placement._moving is None)
        await asyncio.sleep(0)
        placement.close()
        return found.control

    control = asyncio.run(scenario())
    assert control is None or not os.path.exists(control.path)


def test_who_has_the_number_of_a_dead_service_is_not_left_in_its_group(groups: Groups) -> None:
    dead = born(["true"])
    pidfd = os.dup(dead.pidfd)
    eventually(dead.reap)
    dead.release()
    group = groups.make(INSTANCE)
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        assert not _move_one(groups, group, stranger.pid, pidfd)
        assert group.pids() == []
        stranger.kill()
    os.close(pidfd)


def test_without_groups_nothing_is_moved() -> None:
    async def scenario() -> None:
        placement = Placement(asyncio.get_running_loop())
        found = born(["sleep", "1000"])
        placement.join(found)
        assert not placement._waiting
        die(found)
        placement.leave(found)
        placement.close()

    asyncio.run(scenario())


def test_what_cannot_be_moved_goes_without_and_is_told_once(
    groups: Groups, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(group: Group, pid: int) -> None:
        raise PermissionError(13, "refused", group.path)

    async def scenario() -> None:
        placement = Placement(asyncio.get_running_loop())
        placement.groups = groups
        for _ in range(2):
            found = born(["sleep", "1000"])
            placement.join(found)
            await asyncio.to_thread(eventually, lambda: placement._moving is None and not placement._waiting)
            assert found.control is None
            die(found)
            placement.leave(found)
        placement.close()

    monkeypatch.setattr(Group, "add", refuse)
    with caplog.at_level("INFO", "mamctl"):
        asyncio.run(scenario())
    told = [record.message for record in caplog.records if "no control group" in record.message]
    assert len(told) == 1
    assert told[0].startswith("web has no control group, the sweep does without: [Errno 13] refused")


def test_a_supervisor_that_a_service_started_leaves_the_group_of_that_service(groups: Groups) -> None:
    script = "from mamctl.runtime.cgroups import step_out; input(); step_out(); print(open('/proc/self/cgroup').read())"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nested:
        group = groups.make(INSTANCE)
        group.add(nested.pid)
        said, _ = nested.communicate("go\n", timeout=20)
    assert group_name(INSTANCE) not in said
    assert "0::/" in said
