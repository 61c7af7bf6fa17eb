"""More and fewer replicas of real processes: who stays, who comes, who goes, and until when it holds."""

from __future__ import annotations

import asyncio
import pathlib
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError, ManifestError, NotScalableError, UsageError
from mamctl.runtime.recollection import recollect
from tests.runtime.stack import Stack, free_port, lives, run, service

if TYPE_CHECKING:
    from mamctl import ProcessManager

SECONDS = 8.0
TOO_SHORT = "the range has 3 numbers, too few for 4 replicas"


def replicated(number: int, **keys: Any) -> dict[str, Any]:
    return service(replicas=number, **keys)


def pids(manager: ProcessManager) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in manager.status()["services"] if row["pid"]}


def ports(manager: ProcessManager) -> dict[str, int]:
    return {row["name"]: row["ports"]["http"] for row in manager.status()["services"]}


def environ_of(pid: int) -> set[bytes]:
    return set(pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))


async def scale(manager: ProcessManager, name: str, number: int) -> dict[str, Any]:
    return await manager.scale(name, number, wait=SECONDS)


def test_scaling_up_starts_what_is_missing_and_leaves_the_rest_alone(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(1), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            before = pids(manager)
            report = await scale(manager, "worker", 3)
            assert report["ok"]
            assert report["scaled"] == [{"service": "worker", "before": 1, "now": 3}]
            assert pids(manager).items() > before.items()
            assert list(pids(manager)) == ["worker-1", "worker-2", "worker-3", "db"]
            assert {row["service"] for row in manager.status()["services"]} == {"worker", "db"}
            assert {b"MAMCTL_REPLICA=3", b"MAMCTL_SERVICE=worker-3"} <= environ_of(pids(manager)["worker-3"])
            assert manager.status()["replicas"] == {"worker": {"number": 3, "manifest": 1}}

    run(scenario())


def test_scaling_down_stops_the_highest_in_order_and_keeps_their_logs(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": {**service("--print", "hello"), "replicas": 3}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            before = pids(manager)
            report = await scale(manager, "worker", 1)
            assert report["removed"] == ["worker-2", "worker-3"]
            assert pids(manager) == {"worker-1": before["worker-1"]}
            assert not any(lives(before[name]) for name in report["removed"])
            ends = [one for one in manager.history.since(0, 1000) if one["type"] == "process-exit"]
            assert {(one["service"], one["data"]["exit_signal"]) for one in ends} == {
                ("worker-2", 15),
                ("worker-3", 15),
            }

    run(scenario())
    assert stack.log("worker-3") == b"hello\n"


def test_to_nothing_and_back(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(2), "api": service(depends_on=["worker"])})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            api = pids(manager)["api"]
            assert (await scale(manager, "worker", 0))["ok"]
            assert pids(manager) == {"api": api}
            assert manager.operator.select(["worker"]) == []
            assert (await manager.stop("worker"))["settled"]
            assert (await manager.operator.wait_for(["worker"], "ready", SECONDS))["ok"]
            assert (await scale(manager, "worker", 1))["ok"]
            assert sorted(pids(manager)) == ["api", "worker-1"]
            assert pids(manager)["api"] == api

    run(scenario())


def test_the_common_name_means_all_of_them(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(2), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up(["worker"])
            assert sorted(pids(manager)) == ["worker-1", "worker-2"]
            before = pids(manager)
            await manager.restart("worker")
            assert pids(manager).keys() == before.keys()
            assert not set(pids(manager).values()) & set(before.values())
            assert manager.operator.signal(["worker-2"], 18)["services"] == ["worker-2"]
            await manager.stop("work*")
            assert pids(manager) == {}
            await manager.start("worker")
            assert sorted(pids(manager)) == ["worker-1", "worker-2"]

    run(scenario())


def test_scale_starts_replicas_that_were_stopped(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(2)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await manager.stop("worker-1")
            report = await scale(manager, "worker", 2)
            assert (report["scaled"], sorted(pids(manager))) == ([], ["worker-1", "worker-2"])

    run(scenario())


def test_ports_of_those_who_stay_do_not_change_and_a_range_is_used_in_order(tmp_path: pathlib.Path) -> None:
    first = free_port()
    listening = replicated(2, ready=None)
    stack = Stack(
        tmp_path,
        {"any": {**listening, "port": "auto"}, "row": {**listening, "port": f"{first}-{first + 3}", "manual": True}},
    )

    async def scenario() -> None:
        async with stack.managed() as manager:
            before = ports(manager)
            await scale(manager, "any", 3)
            assert ports(manager).items() > before.items()
            assert len(set(ports(manager).values())) == 5
            assert {name: port - first for name, port in ports(manager).items() if name.startswith("row")} == {
                "row-1": 0, "row-2": 1,
            }  # fmt: skip
            await scale(manager, "any", 1)
            assert ports(manager)["any-1"] == before["any-1"]

    run(scenario())


def test_it_holds_over_start_and_restart_until_up_goes_back(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(2), "other": replicated(1), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await scale(manager, "worker", 3)
            await scale(manager, "other", 0)
            await manager.restart()
            await manager.start("db")
            await manager.up(["db", "worker-1"])
            assert sorted(pids(manager)) == ["db", "worker-1", "worker-2", "worker-3"]
            report = await manager.up(["worke*"])
            assert report["scaled"] == [{"service": "worker", "before": 3, "now": 2}]
            assert report["removed"] == ["worker-3"]
            report = await manager.up()
            assert report["scaled"] == [{"service": "other", "before": 0, "now": 1}]
            assert sorted(pids(manager)) == ["db", "other-1", "worker-1", "worker-2"]
            assert (await manager.up())["scaled"] == []
            told = [one["data"] for one in manager.history.since(0, 1000) if one["type"] == "manifest-changed"]
            assert [one["now"] for data in told for one in data["scaled"]] == [3, 0, 2, 1]

    run(scenario())


def test_a_smaller_number_in_the_manifest_stops_the_highest_and_names_them(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(3)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            stack.write({"worker": replicated(1)})
            report = await manager.restart("worker")
            assert list(pids(manager)) == ["worker-1"]
            assert report["ok"]
            stack.write({"worker": replicated(2)})
            report = await manager.up()
            assert (report["removed"], report["scaled"]) == ([], [{"service": "worker", "before": 1, "now": 2}])
            stack.write({"worker": service()})
            report = await manager.up()
            assert (report["removed"], list(pids(manager))) == (["worker-1", "worker-2"], ["worker"])

    run(scenario())


def test_the_key_may_be_as_new_as_the_wish(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            with pytest.raises(NotScalableError, match="gives worker no replicas") as caught:
                await scale(manager, "worker", 2)
            assert caught.value.hint == "write `replicas: 1` there, then scale it"
            stack.write({"worker": replicated(1)})
            await scale(manager, "worker", 2)
            assert list(pids(manager)) == ["worker-1", "worker-2"]

    run(scenario())


@pytest.mark.parametrize(
    ("name", "number", "kind", "message", "hint"),
    [
        ("worker-1", 2, NotScalableError, "worker-1 is one replica of worker", "scale worker, from 0 to 1000"),
        ("wroker", 2, UsageError, "no such service: wroker", "did you mean worker?"),
        ("x*", 2, UsageError, "no service matches x*", "known: worker, single"),
        (
            "worker", 4, NotScalableError,
            "worker cannot have 4 replicas: services.worker-4: is also the name of a replica of worker",
            "choose another name",
        ),
        (
            "single", 2, NotScalableError,
            "single cannot have 2 replicas: services.db.command: single has 2 replicas, and one is meant",
            "name it: single-1",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_scaled_is_refused_and_nothing_changes(
    tmp_path: pathlib.Path, name: str, number: int, kind: type[MamctlError], message: str, hint: str
) -> None:
    db = {"command": ["sleep", "${services.single.port}00"]}
    services = {"worker": replicated(1), "single": replicated(1, port="auto", ready=None), "db": db}
    stack = Stack(tmp_path, {**services, "worker-4": service(manual=True)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up(["worker"])
            before = pids(manager)
            with pytest.raises(kind) as caught:
                await scale(manager, name, number)
            assert (caught.value.message, caught.value.hint) == (message, hint)
            assert pids(manager) == before

    run(scenario())


@pytest.mark.parametrize(
    ("wishes", "kind", "message"),
    [
        ({"worker": 3, "worker-3": 2}, UsageError, "no such service: worker-3"),
        ({"worker": 3, "wroker": 2}, UsageError, "no such service: wroker"),
        ({"worker": 3, "x*": 2}, UsageError, "no service matches x*"),
        ({"worker": 3, "db": 2}, NotScalableError, "the manifest gives db no replicas"),
        ({"worker": 3, "worker-1": 2}, NotScalableError, "worker-1 is one replica of worker"),
        ({"worker": 3, "w*": 2}, NotScalableError, "w* means worker, which is to be scaled already"),
        (
            {"worker": 3, "other": 3, "web": 4}, NotScalableError,
            f"worker, other cannot have 3 replicas and web cannot have 4 replicas: services.web.port: {TOO_SHORT}",
        ),
    ],
)  # fmt: skip
def test_of_several_none_is_scaled_when_one_is_refused(
    tmp_path: pathlib.Path, wishes: dict[str, int], kind: type[MamctlError], message: str
) -> None:
    first = free_port()
    web = replicated(1, port=f"{first}-{first + 2}", ready=None)
    stack = Stack(tmp_path, {"worker": replicated(1), "other": replicated(1), "web": web, "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up(["worker"])
            before = pids(manager)
            with pytest.raises(kind) as caught:
                await manager.operator.scale(wishes, wait=SECONDS)
            assert caught.value.message == message
            assert (pids(manager), manager.status()["replicas"]["worker"]["number"]) == (before, 1)

    run(scenario())


def test_several_are_scaled_together(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(1), "other": replicated(2), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.operator.scale({"worker": 2, "oth*": 1}, wait=SECONDS)
            assert report["ok"]
            assert [(one["service"], one["now"]) for one in report["scaled"]] == [("worker", 2), ("other", 1)]
            assert sorted(pids(manager)) == ["other-1", "worker-1", "worker-2"]

    run(scenario())


def test_a_broken_manifest_is_told_as_it_is(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(1)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            stack.write({"worker": {"replicas": "many", "command": ["true"]}})
            with pytest.raises(ManifestError):
                await scale(manager, "worker", 2)

    run(scenario())


def test_what_waits_for_a_replica_that_goes_is_not_left_waiting(tmp_path: pathlib.Path) -> None:
    never = service(replicas=2, ready={"log": "never said"})
    stack = Stack(tmp_path, {"worker": never})

    async def scenario() -> None:
        async with stack.managed() as manager:
            manager.operator.want(None)
            waiting = asyncio.create_task(manager.operator.wait_for(["worker-2"], "ready", SECONDS))
            stopped = asyncio.create_task(manager.operator.wait_for(["worker-2"], "stopped", SECONDS))
            await asyncio.sleep(0)
            await manager.operator.scale({"worker": 1}, wait=None)
            assert (await stopped)["ok"]
            assert await waiting == {"ok": True, "timed_out": False, "cause": None}

    run(scenario())


def test_nothing_is_scaled_while_all_is_being_stopped(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"worker": replicated(1)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await manager.down()
            with pytest.raises(MamctlError, match="stopping everything"):
                await scale(manager, "worker", 2)

    run(scenario())


def test_a_journal_tells_the_numbers_and_passes_over_what_is_none() -> None:
    good = {"type": "scale", "replicas": {"worker": 5}}
    assert recollect([good, {"type": "scale", "replicas": None}, {"type": "scale"}]).replicas == {"worker": 5}
    assert recollect([good, {"type": "scale", "replicas": {}}]).replicas == {}
