"""Logs, ports and the graph of services that really run."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mamctl.runtime.views import BATCH, Views
from tests.runtime.stack import Stack, free_port, run, service

if TYPE_CHECKING:
    import pathlib

    from mamctl import ProcessManager

# Writes numbered lines until it is ended: a burst, then one now and then.
COUNTING = (
    "i=0; while [ $$i -lt 1500 ]; do i=$$((i+1)); echo $$i; done; while :; do i=$$((i+1)); echo $$i; sleep 0.001; done"
)


async def logs_of(manager: ProcessManager, names: list[str], **wish: Any) -> list[dict[str, Any]]:
    wish = {"tail": 100, "since": None, "follow": False, **wish}
    async with aclosing(Views(manager.hands).logs(names, **wish)) as batches:
        return [record async for batch in batches for record in batch]


def test_the_last_lines_of_several_services_come_in_order(tmp_path: pathlib.Path) -> None:
    options = ("--print", "one", "--print", "two\x1b[0m", "--exit", 0)
    services = {
        "a": service(*options, kind="task"),
        "b": service("--print", "three", ready={"log": "three"}, depends_on=["a"]),
    }
    stack = Stack(tmp_path, {**services, "none": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up(["b"])
            found = await logs_of(manager, ["a", "b", "none"])
            assert [(row["service"], row["line"]) for row in found] == [
                ("a", "one"),
                ("a", "two\x1b[0m"),
                ("b", "three"),
            ]
            assert {(row["generation"], row["stream"]) for row in found} == {(1, "output")}
            assert all(row["at"].endswith("Z") and len(row["at"]) == 24 for row in found)
            assert [row["line"] for row in await logs_of(manager, ["a", "b"], tail=1)] == ["three"]
            assert await logs_of(manager, ["a"], tail=0) == []
            assert await logs_of(manager, ["a"], since=0.0) == []
            assert len(await logs_of(manager, ["a"], since=60.0)) == 2

    run(scenario())


def test_between_the_tail_and_what_follows_no_line_is_missing_or_doubled(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": {"command": COUNTING, "shell": True, "ready": {"log": "^1500$"}}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            numbers: list[int] = []
            wish = {"tail": 20, "since": None, "follow": True}
            async with aclosing(Views(manager.hands).logs(["a"], **wish)) as batches:
                async for batch in batches:
                    assert len(batch) <= BATCH
                    numbers += [int(row["line"]) for row in batch]
                    if len(numbers) > 100:
                        break
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    run(scenario())


def test_a_reader_that_waits_hears_of_it(tmp_path: pathlib.Path) -> None:
    """An empty batch now and then: time to see whether anybody still listens."""
    stack = Stack(tmp_path, {"a": service("--print", "one")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            async with aclosing(Views(manager.hands).logs(["a"], tail=9, since=None, follow=True)) as batches:
                assert [row["line"] for row in await anext(batches)] == ["one"]
                assert await anext(batches) == []

    run(scenario())


def test_many_lines_come_in_batches_and_hold_up_nobody(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service("--flood", 1_000_000, "--exit", 0, kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            turns = 0

            async def turning() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            others = asyncio.create_task(turning())
            assert len(await logs_of(manager, ["a"], tail=10_000)) == 10_000
            others.cancel()
            assert turns > 10

    run(scenario())


def test_who_reads_too_slowly_is_told_how_much_he_missed(tmp_path: pathlib.Path) -> None:
    """40 MB come while he reads nothing; then he gets the newest, and the number of lines that were passed over."""
    logs = {"max_size": "100MB"}
    flood = service("--flood", 40_000_000, "--exit", 0, logs=logs, kind="task", manual=True)
    stack = Stack(tmp_path, {"a": flood, "idle": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            found: list[dict[str, Any]] = []
            async with aclosing(Views(manager.hands).logs(["a"], tail=0, since=None, follow=True)) as batches:
                assert await anext(batches) == []
                await manager.start("a")
                async for batch in batches:
                    found += batch
                    if not batch:
                        break
            skips = [row for row in found if "skipped" in row]
            assert skips[0]["skipped"] > 0
            assert "skipped" in found[0]
            told = sum(row["skipped"] for row in skips) + len(found) - len(skips)
            assert told == stack.log("a").count(b"\n")

    run(scenario())


def test_every_port_has_its_holder(tmp_path: pathlib.Path) -> None:
    port, other = free_port(), free_port()
    services = {"a": service("--port", port, port=port), "b": service(ports={"x": other}, manual=True)}
    stack = Stack(tmp_path, services)

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            rows = {row["service"]: row for row in Views(manager.hands).ports()}
            assert (rows["a"]["port"], rows["a"]["pid"]) == (port, manager.status()["services"][0]["pid"])
            assert "misbehave.py" in rows["a"]["holder"]
            assert (rows["b"]["name"], rows["b"]["holder"]) == ("x", None)

    run(scenario())


def test_the_graph_has_names_edges_and_layers(tmp_path: pathlib.Path) -> None:
    optional = {"db": {"condition": "started", "required": False}}
    stack = Stack(tmp_path, {"web": service(depends_on=optional), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert json.loads(json.dumps(Views(manager.hands).graph())) == {
                "services": ["web", "db"],
                "edges": [{"from": "web", "to": "db", "condition": "started", "required": False}],
                "layers": [["db"], ["web"]],
            }

    run(scenario())
