"""An operator's signal reaches the main process alone, and is told; without a process there is a clear refusal."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.errors import NotRunningError
from tests.runtime.stack import Stack, lives, row, run, until

if TYPE_CHECKING:
    import pathlib

# Tells of each HUP, and has a child that HUP would end.
HEARS = """
import signal, subprocess, sys, time
child = subprocess.Popen(["sleep", "100"])
signal.signal(signal.SIGHUP, lambda *_: print("heard", flush=True))
print("child", child.pid, flush=True)
while True:
    signal.pause()
"""
QUICK = {"ready": {"log": "^child"}, "stop": {"grace": "200ms"}}


def test_the_main_process_gets_it_and_its_children_do_not(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"web": {"command": [sys.executable, "-S", "-c", HEARS], **QUICK}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            assert manager.operator.signal(["web"], signal.SIGHUP) == {"signal": 1, "services": ["web"]}
            await until(manager, lambda: b"heard\n" in stack.log("web"))
            child = int(stack.log("web").split()[1])
            assert lives(child)
            assert row(manager, "web")["state"] == "ready"
            (told,) = [event for event in manager.history.since(0, 500) if "signal" in event["data"]]
            assert told["data"]["detail"] == "the operator sent it signal 1 (HUP)"

    run(scenario())


def test_one_that_dies_of_it_is_started_again(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"web": {"command": ["sleep", "100"], "restart": {"delay": 0}}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            before = row(manager, "web")["pid"]
            manager.operator.signal(["web"], signal.SIGKILL)
            await until(
                manager, lambda: row(manager, "web")["state"] == "ready" and row(manager, "web")["pid"] != before
            )
            assert row(manager, "web")["restarts"] == 1

    run(scenario())


def test_nobody_is_signalled_when_one_of_them_has_no_process(tmp_path: pathlib.Path) -> None:
    sleeping = {"command": ["sleep", "100"]}
    stack = Stack(tmp_path, {"a": sleeping, "b": {**sleeping, "manual": True}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            with pytest.raises(NotRunningError, match="b is stopped"):
                manager.operator.signal(["a", "b"], signal.SIGKILL)
            assert row(manager, "a")["state"] == "ready"
            with pytest.raises(NotRunningError, match="cannot get signal 4000") as caught:
                manager.operator.signal(["a"], 4000)
            assert caught.value.exit_code == 1

    run(scenario())
