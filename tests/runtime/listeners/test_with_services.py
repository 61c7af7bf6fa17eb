"""Listeners as services of a real ProcessManager: they hear of real processes, and hold nobody up."""

from __future__ import annotations

import pathlib
import sys
import time
from typing import Any

from tests.runtime.stack import Stack, row, run, until

EAR = str(pathlib.Path(__file__).with_name("ear.py"))
CRASHES = {"command": ["sh", "-c", "sleep 0.15; exit 3"], "restart": {"policy": "never"}}
LASTS = {"command": ["sleep", "100"]}


def ear(*words: str, events: tuple[str, ...] = ("PROCESS_STATE",), **keys: Any) -> dict[str, Any]:
    command = [sys.executable, "-S", EAR, *words]
    return {"command": command, "events": list(events), "restart": {"delay": 0}, **keys}


def heard(stack: Stack, name: str = "ear") -> list[str]:
    """Return the events in a listener's log: `EXITED web expected:0`, without numbers of processes."""
    lines = []
    for line in stack.log(name).decode().splitlines():
        if not line.startswith("#"):
            continue
        _, _, kind, *payload = line.split()
        words = dict(word.split(":") for word in payload)
        more = "".join(f" {key}:{words[key]}" for key in ("tries", "expected") if key in words)
        lines.append(f"{kind.removeprefix('PROCESS_STATE_')} {words.get('processname', '')}{more}")
    return lines


def test_a_listener_hears_of_a_crash(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"ear": ear(events=("PROCESS_STATE_EXITED",)), "web": CRASHES})
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: heard(stack))
            assert heard(stack) == ["EXITED web expected:0"]
            assert row(manager, "ear")["state"] == "ready"

    run(scenario())


def test_each_event_is_told_to_one_of_the_replicas(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        events = ("PROCESS_GROUP_ADDED",)
        services = {"ear": ear("ok", events=events, replicas=2), **{f"s{number}": LASTS for number in range(5)}}
        stack = Stack(tmp_path, services)
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: len(stack.log("ear-1") + stack.log("ear-2")) and everybody(stack) == 6)

    def everybody(stack: Stack) -> int:
        serials = [line.split()[0] for name in ("ear-1", "ear-2") for line in stack.log(name).decode().splitlines()]
        assert len(set(serials)) == len(serials)
        return len(serials)

    run(scenario())


def test_one_that_dies_of_an_event_is_told_it_again(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        once = f"[ -e died ] || {{ touch died; exec {sys.executable} -S {EAR} die; }}; exec {sys.executable} -S {EAR}"
        keys = {"command": ["sh", "-c", once], "cwd": str(tmp_path)}
        stack = Stack(tmp_path, {"ear": ear(events=("PROCESS_STATE_STOPPED",)) | keys, "web": LASTS})
        async with stack.managed() as manager:
            await manager.up()
            await manager.stop("web")
            await until(manager, lambda: heard(stack) == ["STOPPED web", "STOPPED web"])

    run(scenario())


def test_one_that_speaks_nonsense_is_told_so_in_its_own_log_once(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"ear": ear("early"), "web": LASTS})
        async with stack.managed() as manager:
            warnings: list[dict[str, Any]] = []
            manager.on("warning", warnings.append)
            await manager.up()
            await until(manager, lambda: warnings)
            await manager.restart("web")
            why = (
                "it said 'starting up' where READY was to come, so it is told no more events until it is started again"
            )
            assert [(found["service"], found["data"]["detail"]) for found in warnings] == [("ear", why)]
            await until(manager, lambda: stack.log("ear").decode() == f"mamctl: {why}\n")
            assert "is told nothing until it is started again" in row(manager, "ear")["detail"]
            assert row(manager, "web")["detail"] is None

    run(scenario())


def test_one_that_never_answers_holds_up_neither_the_others_nor_the_end(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"ear": ear("silent"), "other": ear("ok"), "web": LASTS})
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: "RUNNING web" in heard(stack, "other"))
            began = time.monotonic()
        assert time.monotonic() - began < 8

    run(scenario())


def test_a_stop_with_a_bound_takes_no_longer_for_a_listener(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        mule = {"command": ["sh", "-c", "trap '' TERM; sleep 100"], "stop": {"grace": "30s"}}
        stack = Stack(tmp_path, {"ear": ear("silent"), "mule": mule})
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: heard(stack))
            began = time.monotonic()
            report = await manager.operator.down(force=False, wait=0.4)
            assert time.monotonic() - began < 1.5
            assert not report["settled"]
            await manager.down(force=True)

    run(scenario())


def test_listeners_hear_the_end_of_the_others(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        services = {"ear": ear(events=("SUPERVISOR_STATE_CHANGE", "PROCESS_STATE_STOPPED"), depends_on=["db"])}
        stack = Stack(tmp_path, services | {"db": LASTS, "web": {**LASTS, "depends_on": ["db"]}})
        async with stack.managed() as manager:
            await manager.up()
        # What the listener itself depends on ends after it, as always.
        assert heard(stack) == ["SUPERVISOR_STATE_CHANGE_STOPPING ", "STOPPED web"]

    run(scenario())


def test_listeners_hear_why_all_ends_when_an_essential_service_failed(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"ear": ear(), "web": {**CRASHES, "essential": True}})
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: row(manager, "ear")["state"] == "stopped")
            assert heard(stack)[-2:] == ["EXITED web expected:0", "STOPPING ear"]

    run(scenario())


def test_its_output_is_not_its_log_and_its_pipes_can_be_opened_by_name(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        words = 'echo READY > /dev/stdout; while read line; do echo "got $line" > /dev/stderr; exit; done < /dev/stdin'
        keys = {"command": ["sh", "-c", words], "events": ["PROCESS_GROUP"], "restart": "never"}
        stack = Stack(tmp_path, {"ear": keys})
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: stack.log("ear").startswith(b"got ver:3.0 server:test serial:0 pool:ear "))
            assert b"READY" not in stack.log("ear")

    run(scenario())


def test_a_service_becomes_a_listener_and_an_ordinary_one_again(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        plain = {key: value for key, value in ear().items() if key != "events"}
        stack = Stack(tmp_path, {"ear": plain | {"command": ["sleep", "100"]}, "web": LASTS})
        async with stack.managed() as manager:
            await manager.up()
            stack.write({"ear": ear(), "web": LASTS})
            await manager.up()
            await manager.restart("web")
            await until(manager, lambda: "RUNNING web" in heard(stack))
            stack.write({"ear": plain | {"command": ["sleep", "100"]}, "web": LASTS})
            await manager.up()
            assert row(manager, "ear")["state"] == "ready"

    run(scenario())
