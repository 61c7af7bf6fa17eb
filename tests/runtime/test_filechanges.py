"""Files that change under a manifest in our own process."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.runtime.stack import Stack, row, run, service, until

if TYPE_CHECKING:
    import pathlib

WATCHING = {"paths": ["src"], "debounce": "50ms"}


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "filewatch"]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "src").mkdir()
    return tmp_path


def test_a_change_restarts_who_watches_and_nobody_else(folder: pathlib.Path) -> None:
    stack = Stack(folder, {"web": service(watch=WATCHING), "db": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            restarting = []
            manager.on("restarting", restarting.append)
            await manager.up()
            (folder / "src/app.py").touch()
            await until(manager, lambda: row(manager, "web")["generation"] == 2)
            await until(manager, lambda: row(manager, "web")["state"] == "ready")
            assert row(manager, "db")["generation"] == 1
            (event,) = restarting
            assert (event["service"], event["data"]["reason"]) == ("web", "changed_on_disk")
        assert watchers() == []

    run(scenario())


def test_the_manifest_and_its_env_files_are_not_watched_with_their_folder(folder: pathlib.Path) -> None:
    (folder / "web.env").write_text("A=1\n")
    services = {"web": service(watch={"paths": ["."], "debounce": "50ms"}, env_file="web.env")}
    stack = Stack(folder, services)

    async def scenario() -> None:
        async with stack.managed() as manager:
            restarting = []
            manager.on("restarting", restarting.append)
            await manager.up()
            (folder / "web.env").write_text("A=2\n")
            stack.write(services)
            (folder / "src/app.py").touch()
            await until(manager, lambda: restarting)
            assert restarting[0]["data"]["detail"] == "src/app.py changed"

    run(scenario())


def test_where_nobody_watches_there_is_no_watcher(folder: pathlib.Path) -> None:
    async def scenario() -> None:
        async with Stack(folder, {"web": service()}).managed() as manager:
            await manager.up()
            assert watchers() == []

    run(scenario())


def test_a_manifest_that_watches_no_more_ends_the_watcher(folder: pathlib.Path) -> None:
    stack = Stack(folder, {"web": service(watch=WATCHING)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            assert len(watchers()) == 1
            stack.write({"web": service()})
            await manager.up()
            await until(manager, lambda: watchers() == [])
            assert row(manager, "web")["generation"] == 1

    run(scenario())


def test_a_spawned_external_service_is_restarted_and_an_attached_one_is_not(folder: pathlib.Path) -> None:
    def external(name: str, *steps: object) -> dict[str, object]:
        probe = {"exec": [sys.executable, "-S", "-c", f"import os; os.stat({str(folder / name)!r})"], "interval": "1h"}
        return {"kind": "external", "identify": probe, "acquire": list(steps)}

    spawn = {"spawn": service("--touch", folder / "ours", watch=WATCHING)}
    (folder / "theirs").touch()
    stack = Stack(folder, {"ours": external("ours", spawn), "theirs": external("theirs", "attach", spawn)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pid = row(manager, "ours")["pid"]
            (folder / "src/app.py").touch()
            await until(manager, lambda: row(manager, "ours")["pid"] not in (pid, None))
            assert row(manager, "theirs")["ownership"] == "external"

    run(scenario())
