"""Real processes under the ProcessManager: what users expect of each, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from mamctl.core.errors import ManifestError
from mamctl.runtime.ownership import TakenError
from tests.runtime.stack import MISBEHAVE, Stack, descriptors, free_port, lives, row, run, service, until

if TYPE_CHECKING:
    import pathlib

QUICK = {"delay": "10ms", "max_attempts": 2}


def test_a_service_without_probe_is_ready_once_it_has_lived(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service("--print", "hello")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            assert report["ok"]
            assert row(manager, "a")["state"] == "ready"
            assert lives(row(manager, "a")["pid"])
            await until(manager, lambda: stack.log("a") == b"hello\n")

    run(scenario())


def test_leaving_the_manager_leaves_no_process_and_no_descriptor(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service("--child", "--pidfile", tmp_path / "pids"), "b": service()})
    before = descriptors()
    pids: list[int] = []

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pids.extend(found["pid"] for found in manager.status()["services"])

    run(scenario())
    assert len(pids) == 2
    assert not any(map(lives, pids))
    assert descriptors() == before


def test_a_service_that_dies_at_once_is_given_up_with_its_last_words(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service("--stderr", "no database", "--exit", 3, restart=QUICK)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            assert not report["ok"]
            [failure] = report["failed"]
            assert (failure["reason"], failure["exit_code"]) == ("gave_up", 3)
            assert failure["detail"] == "ended with code 3; gave up after 2 restarts"
            assert failure["tail"] == ["no database"]
            assert row(manager, "a")["restarts"] == 2

    run(scenario())


def test_a_missing_binary_fails_at_once_and_says_so(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": {"command": ["no-such-binary"]}, "b": {"command": ["./nor-this"]}})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            found = {failure["service"]: (failure["reason"], failure["detail"]) for failure in report["failed"]}
            assert found == {
                "a": ("command_not_found", "no-such-binary: no such command (not on PATH)"),
                "b": ("command_not_found", "./nor-this: no such command"),
            }

    run(scenario())


def test_a_log_that_cannot_be_opened_is_named(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service()})
    log = tmp_path / "logs" / "a.log"
    log.mkdir(parents=True)

    async def scenario() -> None:
        async with stack.managed() as manager:
            [failure] = (await manager.up())["failed"]
            assert failure["detail"] == f"its log {log} cannot be opened: is a directory"

    run(scenario())


def test_a_port_held_by_a_stranger_names_the_holder(tmp_path: pathlib.Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        stack = Stack(tmp_path, {"a": service("--port", port, port=port)})

        async def scenario() -> None:
            async with stack.managed() as manager:
                [failure] = (await manager.up())["failed"]
                assert failure["reason"] == "port_taken"
                assert f"port {port} is held by pid {os.getpid()} (" in failure["detail"]
                assert row(manager, "a")["generation"] == 1

        run(scenario())


def test_a_service_that_never_becomes_ready_times_out_with_what_the_probe_saw(tmp_path: pathlib.Path) -> None:
    port = free_port()
    policy = {"delay": "10ms", "max_attempts": 0}
    stack = Stack(tmp_path, {"a": service(port=port, start_timeout="100ms", restart=policy)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            [failure] = (await manager.up())["failed"]
            assert failure["detail"] == "not ready after 0.1 s: connection refused; gave up after 0 restarts"

    run(scenario())


def test_one_that_ignores_term_is_killed_after_the_grace_period(tmp_path: pathlib.Path) -> None:
    stack = Stack(
        tmp_path, {"a": service("--ignore-term", "--print", "up", ready={"log": "up"}, stop={"grace": "50ms"})}
    )

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            report = await manager.stop("a")
            assert report["settled"]
            assert (row(manager, "a")["state"], row(manager, "a")["exit_signal"]) == ("stopped", signal.SIGKILL)

    run(scenario())


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_setsid_grandchild_is_gone_too(tmp_path: pathlib.Path, how: str) -> None:
    pidfile = tmp_path / "pids"
    options = ("--pidfile", pidfile, "--grandchild", "--print", "up")
    stack = Stack(tmp_path, {"a": service(*options, ready={"log": "up"}, restart="never", stop={"grace": "1s"})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: pidfile.exists() and pidfile.read_text().endswith("\n"))
            [grandchild] = map(int, pidfile.read_text().split())
            assert lives(grandchild)
            if how == "stop":
                await manager.stop("a")
            else:
                os.kill(row(manager, "a")["pid"], signal.SIGKILL)
            await until(manager, lambda: row(manager, "a")["state"] in ("stopped", "failed"))
            assert not lives(grandchild)

    run(scenario())


def test_a_moving_target_is_caught(tmp_path: pathlib.Path) -> None:
    named = tmp_path / "target"  # on its command line, to be found by
    stack = Stack(tmp_path, {"a": service("--touch", named, "--fork-forever", restart="never", stop={"grace": "20ms"})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            report = await manager.down()
            assert report["survivors"] == []

    run(scenario())
    assert named.exists()
    assert [
        one.info for one in psutil.process_iter(["pid", "cmdline"]) if str(named) in (one.info["cmdline"] or ())
    ] == []


def test_output_is_kept_byte_for_byte(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service("--garbage", "--long-line", 1_000_000, "--exit", 0, kind="task")})
    expected = subprocess.run(
        [sys.executable, MISBEHAVE, "--garbage", "--long-line", "1000000", "--exit", "0"],
        capture_output=True,
        check=True,
    ).stdout

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            assert row(manager, "a")["state"] == "completed"

    run(scenario())
    assert stack.log("a") == expected


def test_split_streams_have_a_file_each(tmp_path: pathlib.Path) -> None:
    options = ("--print", "to out", "--stderr", "to err", "--exit", 0)
    stack = Stack(tmp_path, {"a": service(*options, kind="task", logs={"streams": "split"})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()

    run(scenario())
    assert stack.log("a") == b"to out\n"
    assert stack.log("a.err") == b"to err\n"


def test_a_killed_service_is_back_as_a_new_generation(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service(restart={"policy": "always", "delay": 0, "max_attempts": None})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            first = row(manager, "a")
            os.kill(first["pid"], signal.SIGKILL)
            await until(manager, lambda: row(manager, "a")["state"] == "ready" and row(manager, "a")["generation"] == 2)
            second = row(manager, "a")
            assert second["pid"] != first["pid"]
            assert second["restarts"] == 1

    run(scenario())


def test_dependants_start_only_when_what_they_need_is_ready(tmp_path: pathlib.Path) -> None:
    port = free_port()
    services = {
        "web": service(depends_on=["database", "migrate"]),
        "migrate": service("--exit", 0, kind="task", depends_on=["database"]),
        "database": service("--port", port, "--ready-after", "0.05", port=port),
    }
    stack = Stack(tmp_path, services)
    order: list[str] = []

    async def scenario() -> None:
        async with stack.managed() as manager:
            for kind in ("starting", "started", "completed"):
                manager.on(kind, lambda event: order.append(f"{event['service']} {event['type']}"))
            assert (await manager.up())["ok"]

    run(scenario())
    assert order == [
        "database starting", "database started", "migrate starting", "migrate completed", "web starting", "web started",
    ]  # fmt: skip


def test_a_failing_task_fails_its_dependants_with_its_name(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"web": service(depends_on=["migrate"]), "migrate": service("--exit", 1, kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            found = {failure["service"]: failure["reason"] for failure in report["failed"]}
            assert found == {"migrate": "exited", "web": "dependency_failed"}
            assert row(manager, "web")["detail"] == "needs migrate, but migrate failed (exited)"

    run(scenario())


def test_the_environment_is_injected(tmp_path: pathlib.Path) -> None:
    port = free_port()
    names = ["PORT", "HOST", "PORT_HTTP", "MAMCTL_SERVICE", "MAMCTL_PROJECT", "PYTHONUNBUFFERED", "OWN", "HOME"]
    options = [option for name in names for option in ("--echo-env", name)]
    keys = {"env": {"OWN": "${services.a.url}", "HOME": None}, "port": port, "kind": "task"}
    stack = Stack(tmp_path, {"a": service(*options, "--exit", 0, **keys)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()

    run(scenario())
    assert stack.log("a").decode().splitlines() == [
        f"PORT={port}", "HOST=127.0.0.1", f"PORT_HTTP={port}", "MAMCTL_SERVICE=a", "MAMCTL_PROJECT=test",
        "PYTHONUNBUFFERED=1", f"OWN=http://127.0.0.1:{port}", "HOME is not set",
    ]  # fmt: skip


def test_liveness_that_fails_restarts_the_service(tmp_path: pathlib.Path) -> None:
    port = free_port()
    live = {"http": "/", "interval": "20ms", "failures": 2}
    options = ("--port", port, "--http", "--unhealthy-after", "0.15")
    stack = Stack(tmp_path, {"a": service(*options, port=port, live=live, ready={"tcp": "http"}, restart=QUICK)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            said: list[str] = []
            manager.on("stopping", lambda event: said.append(event["data"]["detail"]))
            await until(manager, lambda: row(manager, "a")["restarts"] == 1)
            assert said == ["the live probe failed 2 times: HTTP 503"]

    run(scenario())


def test_readiness_that_is_lost_restarts_nothing(tmp_path: pathlib.Path) -> None:
    port = free_port()
    ready = {"http": "/", "interval": "20ms", "failures": 2}
    options = ("--port", port, "--http", "--unhealthy-after", "0.15")
    stack = Stack(tmp_path, {"a": service(*options, port=port, ready=ready)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pid = row(manager, "a")["pid"]
            await until(manager, lambda: row(manager, "a")["state"] == "unhealthy")
            assert row(manager, "a")["pid"] == pid
            assert row(manager, "a")["restarts"] == 0

    run(scenario())


def test_a_stranger_on_our_port_does_not_make_us_ready(tmp_path: pathlib.Path) -> None:
    """Both listen with SO_REUSEPORT: some connections would go to the stranger, so the service is not ready."""
    port = free_port()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        options = ("--reuse-port", "--print", "up", "--port", port)
        stack = Stack(tmp_path, {"a": service(*options, port=port, start_timeout="200ms", restart="never")})

        async def scenario() -> None:
            async with stack.managed() as manager:
                manager.on("starting", lambda _event: (stranger.bind(("127.0.0.1", port)), stranger.listen()))
                [failure] = (await manager.up())["failed"]
                assert f"port {port} is answered by a process that is not a's" in failure["detail"]

        run(scenario())


def test_an_external_service_is_attached_and_never_signalled(tmp_path: pathlib.Path) -> None:
    with subprocess.Popen(
        [sys.executable, MISBEHAVE, "--port", "0", "--http"], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline().split()[1])
        identify = {"http": "/", "json": {"status": "healthy"}}
        stack = Stack(tmp_path, {"llm": {"kind": "external", "port": port, "identify": identify}})

        async def scenario() -> None:
            async with stack.managed() as manager:
                assert (await manager.up())["ok"]
                found = row(manager, "llm")
                assert (found["state"], found["ownership"], found["pid"], found["log"]) == (
                    "ready",
                    "external",
                    None,
                    None,
                )

        run(scenario())
        assert other.poll() is None
        other.terminate()


def test_an_external_service_that_is_away_is_spawned_as_ours(tmp_path: pathlib.Path) -> None:
    port = free_port()
    spawn = service("--port", port, "--http", "--ready-after", "0.03")
    acquire = ["attach", {"spawn": {**spawn, "ready": {"http": "/"}}}]
    external = {"kind": "external", "port": port, "identify": {"http": "/never"}, "acquire": acquire}
    stack = Stack(tmp_path, {"llm": external})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            found = row(manager, "llm")
            assert (found["state"], found["ownership"]) == ("ready", "managed")
            assert lives(found["pid"])

    run(scenario())


def test_a_stranger_in_an_external_services_place_is_refused(tmp_path: pathlib.Path) -> None:
    with subprocess.Popen(
        [sys.executable, MISBEHAVE, "--port", "0", "--http"], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline().split()[1])
        identify = {"http": "/", "json": {"lmstudio": True}}
        stack = Stack(tmp_path, {"llm": {"kind": "external", "port": port, "identify": identify}})

        async def scenario() -> None:
            async with stack.managed() as manager:
                [failure] = (await manager.up())["failed"]
                assert failure["reason"] == "wrong_service"
                assert failure["detail"].startswith(f"somebody else answers on port {port}: HTTP 200, but ")

        run(scenario())
        other.terminate()


def test_an_absent_external_that_nobody_needs_does_not_count(tmp_path: pathlib.Path) -> None:
    external = {"kind": "external", "port": free_port(), "identify": {"http": "/"}}
    optional = {"llm": {"condition": "ready", "required": False}}
    stack = Stack(tmp_path, {"llm": external, "agent": service(depends_on=optional)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            assert report["ok"]
            assert report["absent"] == ["llm"]
            assert row(manager, "agent")["state"] == "ready"

    run(scenario())


def test_up_again_restarts_only_what_changed_and_stops_only_what_is_gone(tmp_path: pathlib.Path) -> None:
    services = {"same": service(), "changed": service(), "gone": service(), "probe": service()}
    stack = Stack(tmp_path, services)

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            before = {name: row(manager, name)["pid"] for name in services}
            stack.write(
                {
                    "same": service(),
                    "changed": service("--print", "new"),
                    "probe": service(live={"exec": ["true"]}),
                    "new": service(),
                }
            )
            report = await manager.up()
            assert report["ok"]
            assert report["removed"] == ["gone"]
            assert row(manager, "same")["pid"] == before["same"]
            assert row(manager, "probe")["pid"] == before["probe"]
            assert row(manager, "changed")["pid"] != before["changed"]
            assert [found["name"] for found in manager.status()["services"]] == ["same", "changed", "probe", "new"]
            assert not lives(before["gone"])

    run(scenario())


def test_a_manifest_that_became_invalid_changes_nothing(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            pid = row(manager, "a")["pid"]
            stack.path.write_text("services: {a: {comand: [x]}}")
            with pytest.raises(ManifestError):
                await manager.up()
            assert row(manager, "a")["pid"] == pid
            assert lives(pid)

    run(scenario())


def test_a_second_manager_of_the_same_home_is_refused(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": service()})

    async def scenario() -> None:
        async with stack.managed():
            with pytest.raises(TakenError):
                async with stack.managed():
                    pass

    run(scenario())


def test_an_auto_port_is_chosen_before_the_start_and_kept_by_the_next_run(tmp_path: pathlib.Path) -> None:
    shell = {"command": f"exec {sys.executable} {MISBEHAVE} --port $PORT", "shell": True, "port": "auto"}
    stack = Stack(tmp_path, {"a": shell})
    chosen = []

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            chosen.append(row(manager, "a")["ports"]["http"])

    run(scenario())
    run(scenario())
    assert chosen[0] == chosen[1]


def test_an_essential_service_that_failed_takes_all_down(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"key": service("--exit", 1, essential=True, restart="never"), "other": service()})

    async def scenario() -> None:
        async with stack.managed() as manager:
            report = await manager.up()
            assert not report["ok"]
            assert row(manager, "other")["state"] == "stopped"
            assert manager.hands.supervisor.ending == "key failed, and it is essential: ended with code 1"

    run(scenario())


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_blocks_no_service_and_the_loss_is_said(tmp_path: pathlib.Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(logs)], check=True)
    try:
        done = tmp_path / "done"
        options = ("--flood", 2_000_000, "--touch", done)
        stack = Stack(tmp_path, {"a": service(*options, logs={"max_size": "1GB"})})

        said: list[str] = []

        async def scenario() -> None:
            async with stack.managed() as manager:
                manager.on("warning", lambda event: said.append(event["data"]["detail"]))
                await manager.up()
                await until(manager, done.exists)
                assert any("no space left on device" in detail.lower() for detail in said)
                assert row(manager, "a")["state"] == "ready"

        run(scenario())
        lost = re.search(r": ([\d,]+) lines \([\d,]+ bytes\) dropped so far", said[-1])
        assert lost is not None
        # A line that was torn by the full disk counts on both sides.
        assert 20_000 - int(lost[1].replace(",", "")) - stack.log("a").count(b"\n") in (-1, 0)
    finally:
        subprocess.run(["umount", str(logs)], check=True)
