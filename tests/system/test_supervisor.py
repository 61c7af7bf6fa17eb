"""The supervisor's own process: how it begins, who may have it, how it ends, and that it leaves nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.control.client import ApiError
from mamctl.control.place import place
from mamctl.core.errors import ManifestError, NoSupervisor, UsageError
from mamctl.runtime.launch import AlreadyRunningError, start_supervisor
from tests.runtime.stack import free_port, lives
from tests.runtime.stack import service as misbehaving
from tests.scripted import eventually
from tests.system.supervised import Folder, within

if TYPE_CHECKING:
    from typing import Any


def service(*options: object, **keys: Any) -> dict[str, Any]:
    """Return a service that is ready as soon as it says so, unless the keys tell how it is: that is soon."""
    if keys.keys() & {"port", "ready", "kind", "essential"}:
        return misbehaving(*options, **keys)
    return misbehaving(*options, "--print", "up", ready={"log": "up"}, **keys)


STUBBORN = service("--ignore-term", stop={"grace": "60s"})


def children_of(pid: int) -> list[int]:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_tidy(folder: Folder) -> bool:
    """Tell whether a supervisor has left nothing but what is to be kept."""
    home = pathlib.Path(folder.place.home)
    names = sorted(entry.name for entry in home.iterdir())
    return (
        folder.processes() == []
        and names == ["cgroup", "events", "fifo", "index", "journal", "lock", "notify"]
        and not list((home / "notify").iterdir())
        and not list((home / "fifo").iterdir())
    )


def kill_both(folder: Folder, guardian: int) -> None:
    """Kill guardian and supervisor once all has settled."""
    assert folder.settle()["ok"]
    brain = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    for pid in (guardian, brain):
        os.kill(pid, signal.SIGKILL)
        within(5, lambda pid=pid: not lives(pid))


# Beginning ------------------------------------------------------------------------------------------------------


def test_it_stands_when_the_start_returns(folder: Folder) -> None:
    pid = folder.start({"a": service()})
    status = folder.client.request("GET", "/v1/status")
    assert (status["name"], status["manifest"]) == (folder.name, "services.yaml")
    assert status["supervisor"]["guardian_pid"] == pid
    assert folder.settle()["ok"]
    assert lives(folder.row("a")["pid"])
    assert os.stat(folder.place.socket).st_mode & 0o777 == 0o600
    assert os.stat(folder.place.home).st_mode & 0o777 == 0o700


def test_a_bad_manifest_is_reported_whole_and_nothing_is_left(folder: Folder) -> None:
    folder.write({"a": {"comand": ["x"]}, "b": {"command": ["x"], "port": 99999}})
    with pytest.raises(ManifestError) as caught:
        folder.start()
    assert caught.value.exit_code == 2
    assert len(caught.value.problems) >= 2
    assert {problem.line for problem in caught.value.problems} != {1}
    assert any("command" in str(problem.hint) for problem in caught.value.problems)
    with pytest.raises(NoSupervisor):
        folder.client.request("GET", "/v1/status")


def test_a_bad_manifest_makes_no_folder(tmp_path: pathlib.Path) -> None:
    manifest = tmp_path / "services.yaml"
    manifest.write_text("services: {a: {comand: [x]}}")
    where = place(str(manifest), {})
    with pytest.raises(ManifestError):
        start_supervisor(where, up={"services": None}, foreground=False, environ=os.environ)
    assert [found.name for found in tmp_path.iterdir()] == ["services.yaml"]


def test_a_manifest_that_is_not_there_is_said_to_be_missing(folder: Folder) -> None:
    with pytest.raises((ManifestError, UsageError)) as caught:
        folder.start()
    assert caught.value.exit_code == 2


def test_an_unknown_service_is_refused_and_nothing_runs(folder: Folder) -> None:
    with pytest.raises(UsageError, match="no such service: wbe") as caught:
        folder.start({"web": service()}, services=["wbe"])
    assert caught.value.hint == "did you mean web?"
    assert folder.processes() == []


def test_only_what_is_asked_for_is_started(folder: Folder) -> None:
    folder.start({"a": service(), "b": service(), "c": service(depends_on=["b"])}, services=["c"], no_deps=True)
    folder.settle()
    assert {name: folder.row(name)["wanted"] for name in "abc"} == {"a": "down", "b": "down", "c": "up"}


def test_a_second_one_is_refused_and_the_first_goes_on(folder: Folder) -> None:
    pid = folder.start({"a": service()})
    with pytest.raises(AlreadyRunningError):
        folder.start()
    assert folder.client.request("GET", "/v1/status")["supervisor"]["guardian_pid"] == pid


def test_another_manifest_in_the_same_home_is_refused_with_a_hint(folder: Folder) -> None:
    folder.start({"a": service()})
    other = Folder(folder.path)
    other.manifest = folder.path / "other.yaml"
    other.write({"b": service()})
    with pytest.raises(UsageError, match=f"belongs to {folder.manifest}") as caught:
        other.start()
    assert "MAMCTL_HOME" in str(caught.value.hint)
    other.environ["MAMCTL_HOME"] = str(folder.path / "elsewhere")
    pid = other.start()
    folder.pids.append(pid)
    assert other.settle()["ok"]
    other.down()


def test_a_program_in_the_callers_folder_is_none_of_its_modules(folder: Folder) -> None:
    for name in ("json", "asyncio", "yaml", "signal"):
        (folder.path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    folder.write({"a": service()})
    caller, found = folder.call()
    caller.wait()
    assert "pid" in found
    assert folder.settle()["ok"]


def test_a_caller_without_standard_streams_can_start_one(folder: Folder) -> None:
    folder.write({"a": service("--print", "hello", ready={"log": "hello"})})
    caller, found = folder.call(shut=[0, 1, 2])
    caller.wait()
    assert "pid" in found
    assert folder.settle()["ok"]
    assert folder.log("a") == "hello\n"


# What a service gets --------------------------------------------------------------------------------------------

# The masks are read without a fork: a shell blocks all signals while it forks.
ABOUT = """
ls -m /proc/$$/fd
readlink /proc/$$/fd/0
while read -r line; do case $line in SigBlk*|SigIgn*) echo "$line";; esac; done < /proc/$$/status
cut -d' ' -f1,5,6 /proc/$$/stat
ulimit -Sn
env | grep ^MAMCTL_ | sort
"""


def test_a_service_inherits_nothing_that_it_should_not(folder: Folder) -> None:
    """Its caller ignored and blocked signals, had descriptors to spare, and was itself a service of another stack."""
    folder.write({"a": {"command": ["/bin/sh", "-c", ABOUT.replace("$", "$$")], "kind": "task"}})
    folder.environ |= {"MAMCTL_INSTANCE": "outer/x/1", "MAMCTL_SERVICE": "x", "MAMCTL_PROJECT": "outer"}
    ignored = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGTSTP, signal.SIGCHLD]
    caller, found = folder.call(
        foreground=True, ignored=ignored, blocked=[signal.SIGTERM, signal.SIGUSR2], open_files=321, inherited=[9, 40]
    )
    folder.ended(found["pid"])
    caller.kill()
    caller.wait()
    fds, stdin, blocked, ignores, ids, limit, *marks = folder.log("a").splitlines()
    assert fds == "0, 1, 2"
    assert stdin == "/dev/null"
    # glibc's posix_spawn makes its own two signals, 32 and 33, ignored.
    assert (int(blocked.split()[1], 16), int(ignores.split()[1], 16) & ~(3 << 31)) == (0, 0)
    assert len(set(ids.split())) == 1
    assert limit == "321"
    assert [mark.partition("=")[0] for mark in marks] == [
        "MAMCTL_INSTANCE", "MAMCTL_PROJECT", "MAMCTL_REPLICA", "MAMCTL_SERVICE",
    ]  # fmt: skip
    assert marks[0].startswith(f"MAMCTL_INSTANCE={folder.name}/a/")


def test_it_holds_no_descriptor_of_its_caller_and_few_for_each_service(folder: Folder) -> None:
    folder.write({f"s{number}": {"command": ["sleep", "1000"]} for number in range(30)})
    caller, found = folder.call(inherited=[9, 40], open_files=64)
    caller.wait()
    assert folder.settle()["ok"]
    fds = pathlib.Path(f"/proc/{found['pid']}/fd")
    assert not (fds / "40").exists() or os.readlink(fds / "40") != os.devnull
    # Its limit was 64: it has raised it. At most 6 for each service, and some of its own.
    assert len(list(fds.iterdir())) <= 30 * 6 + 20


@pytest.mark.slow
def test_500_services_can_run(folder: Folder) -> None:
    folder.write({f"s{number}": {"command": ["sleep", "1000"]} for number in range(500)})
    caller, found = folder.call(open_files=256)
    caller.wait()
    assert folder.settle()["ok"]
    assert len(list(pathlib.Path(f"/proc/{found['pid']}/fd").iterdir())) <= 500 * 6 + 20
    assert folder.down()["survivors"] == []
    assert is_tidy(folder)


# The end --------------------------------------------------------------------------------------------------------


def test_down_leaves_nothing(folder: Folder) -> None:
    options = ("--pidfile", folder.path / "pids", "--child", "--grandchild", "--print", "up")
    folder.start({"a": service(*options, ready={"log": "up"}), "b": service(port=free_port(), ready=None)})
    assert folder.settle()["ok"]
    answer = folder.down()
    assert (answer["settled"], sorted(answer["stopped"]), answer["survivors"]) == (True, ["a", "b"], [])
    assert is_tidy(folder)
    assert folder.events()[-1]["data"] == {"ending": {"code": 0, "reason": "down"}}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_in_order(folder: Folder, number: signal.Signals) -> None:
    pid = folder.start({"web": service(depends_on=["db"]), "db": service()})
    folder.settle()
    os.kill(pid, number)
    assert folder.ended(pid) == 0
    assert folder.happened("stopped") == [("web", "stopped"), ("db", "stopped")]
    assert is_tidy(folder)


def test_a_signal_right_after_the_start_is_heeded_too(folder: Folder) -> None:
    pid = folder.start({f"s{number}": service() for number in range(5)})
    os.kill(pid, signal.SIGTERM)
    assert folder.ended(pid) == 0
    assert is_tidy(folder)


def test_a_second_signal_kills(folder: Folder) -> None:
    pid = folder.start({"a": STUBBORN})
    folder.settle()
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: folder.row("a")["state"] == "stopping")
    os.kill(pid, signal.SIGTERM)
    assert folder.ended(pid) == 0
    assert is_tidy(folder)


def test_down_by_force_kills_and_says_whom(folder: Folder) -> None:
    folder.start({"a": STUBBORN})
    folder.settle()
    assert folder.client.request("POST", "/v1/down", {"wait": 0.01})["settled"] is False
    with pytest.raises(ApiError, match="stopping everything") as caught:
        folder.client.request("POST", "/v1/up", {})
    assert caught.value.status == 503
    assert folder.down(force=True)["killed"] == ["a"]
    assert is_tidy(folder)


def test_a_client_that_is_killed_takes_all_along_at_once(folder: Folder) -> None:
    ports = [free_port(), free_port()]
    options = ("--pidfile", folder.path / "pids", "--grandchild", "--port", ports[0])
    folder.write({"a": service(*options, port=ports[0]), "b": service("--port", ports[1], port=ports[1])})
    caller, found = folder.call(foreground=True)
    assert folder.settle()["ok"]
    caller.kill()
    caller.wait()
    within(1.0, lambda: folder.processes() == [] and all(map(is_free, ports)))
    folder.ended(found["pid"])
    assert is_tidy(folder)


def test_a_client_that_leaves_a_detached_one_takes_nothing_along(folder: Folder) -> None:
    folder.write({"a": service()})
    caller, found = folder.call()
    assert caller.wait() == 0
    assert folder.settle()["ok"]
    assert lives(found["pid"])


@pytest.mark.parametrize(
    ("services", "code", "reason"),
    [
        ({"a": service("--exit", 0, kind="task"), "b": service("--exit", 0, kind="task", depends_on=["a"])}, 0,
         "nothing is left to run"),
        ({"a": service("--exit", 3, kind="task"), "b": service("--exit", 0, kind="task")}, 1, "failed: a"),
        ({"a": service("--exit", 1, restart="never", essential=True), "b": service()}, 1,
         "a failed, and it is essential: ended with code 1"),
    ],
    ids=["all completed", "one failed", "an essential one failed"],
)  # fmt: skip
def test_a_foreground_run_ends_by_itself(folder: Folder, services: Any, code: int, reason: str) -> None:
    pid = folder.start(services, foreground=True)
    assert folder.ended(pid) == code
    assert folder.events()[-1]["data"] == {"ending": {"code": code, "reason": reason}}
    assert is_tidy(folder)


def test_a_detached_run_waits_for_the_next_word(folder: Folder) -> None:
    pid = folder.start({"a": service("--exit", 0, kind="task")})
    assert folder.settle()["ok"]
    assert lives(pid)
    assert folder.client.request("POST", "/v1/services/a/restart", {"wait": 5})["ok"]
    assert folder.row("a")["generation"] == 2


def test_its_home_may_be_gone_when_it_ends(folder: Folder) -> None:
    pid = folder.start({"a": service()})
    folder.settle()
    for name in ("control.sock", "events", "journal", "lock"):
        os.unlink(pathlib.Path(folder.place.home, name))
    os.kill(pid, signal.SIGTERM)
    assert folder.ended(pid) == 0
    assert folder.processes() == []
    assert "Traceback" not in folder.log("mamctl")


def test_no_stream_holds_up_the_end(folder: Folder) -> None:
    folder.start({"a": service()})
    folder.settle()
    events = folder.client.stream("/v1/events?since=0", {"Accept": "text/event-stream"})
    logs = folder.client.stream("/v1/logs?follow=1")
    folder.client.request("POST", "/v1/down", {"wait": 5})
    within(0.8, lambda: not lives(folder.pids[-1]))
    with contextlib.closing(events), contextlib.closing(logs):
        assert events.read()[-1]["data"] == {"ending": {"code": 0, "reason": "down"}}
        with pytest.raises(EOFError):
            events.read()


# What it lives through ------------------------------------------------------------------------------------------


def test_no_zombie_is_left_by_50_restarts(folder: Folder) -> None:
    policy = {"policy": "always", "delay": 0, "max_attempts": None}
    pid = folder.start({"a": {"command": "(true &) ; exit 0", "shell": True, "ready": None, "restart": policy}})
    within(10, lambda: folder.row("a")["restarts"] >= 50)
    folder.client.request("POST", "/v1/services/a/stop", {"wait": 5})
    brain = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    within(5, lambda: (children_of(pid), children_of(brain)) == ([brain], []))


def test_what_a_killed_one_left_is_adopted_by_the_next_one(folder: Folder) -> None:
    port = free_port()
    guardian = folder.start({"a": service("--port", port, port=port)})
    assert folder.settle()["ok"]
    orphan = folder.row("a")["pid"]
    kill_both(folder, guardian)
    assert lives(orphan)
    folder.start()
    assert folder.settle()["ok"]
    row = folder.row("a")
    assert (row["pid"], row["ownership"], row["generation"]) == (orphan, "adopted", 1)
    folder.down()
    assert not lives(orphan)


def test_one_that_is_killed_as_soon_as_it_stands_has_left_word_of_all_that_is_wanted(folder: Folder) -> None:
    folder.write({"a": service(), "b": service(depends_on=["a"]), "c": service(depends_on=["b"])})
    for brain in children_of(folder.start()):
        os.kill(brain, signal.SIGKILL)
    within(5, lambda: folder.happened("supervisor-restarted"))
    folder.settle()
    assert {name: folder.row(name)["state"] for name in "abc"} == dict.fromkeys("abc", "ready")


def test_one_that_is_killed_at_once_after_the_manifest_changed_has_left_the_new_one(folder: Folder) -> None:
    folder.environ["MAMCTL_CRASH_AT"] = "after_spawn"
    folder.start({"a": service(manual=True)})
    folder.write({"a": service(manual=True), "b": service()})
    assert folder.client.request("POST", "/v1/up", {"wait": 10})["ok"]
    row = folder.row("b")
    assert (row["state"], row["ownership"], row["generation"]) == ("ready", "adopted", 1)


def test_what_a_foreground_run_adopted_is_ended_with_its_supervisor_though_it_is_no_child_of_the_guardian(
    folder: Folder,
) -> None:
    kill_both(folder, folder.start({"a": service()}))
    left = folder.processes()
    assert left
    caller, found = folder.call(foreground=True)
    assert folder.settle()["ok"]
    assert folder.row("a")["ownership"] == "adopted"
    brain = folder.client.request("GET", "/v1/status")["supervisor"]["pid"]
    caller.kill()
    os.kill(brain, signal.SIGKILL)
    caller.wait()
    within(5, lambda: folder.processes() == [])
    folder.ended(found["pid"])


def test_nothing_is_kept_for_a_service_that_is_gone_from_the_manifest(folder: Folder) -> None:
    def fifos(pid: int) -> list[str]:
        found = []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        return sorted(os.path.basename(path) for path in found if path.startswith(folder.place.fifo))

    guardian = folder.start({"a": service(), "b": service(), "c": service()})
    assert folder.settle()["ok"]
    folder.write({"a": service(), "c": service()})
    assert folder.client.request("POST", "/v1/up", {"wait": 10})["ok"]
    within(5, lambda: fifos(guardian) == ["a.out", "c.out"] == sorted(os.listdir(folder.place.fifo)))
    folder.client.request("POST", "/v1/services/c/stop", {"wait": 10})
    [brain] = children_of(guardian)
    os.kill(brain, signal.SIGKILL)
    within(5, lambda: folder.happened("supervisor-restarted"))
    assert folder.settle()["ok"]
    folder.down()
    assert is_tidy(folder)


def test_a_service_that_is_stopped_is_unhealthy_until_it_goes_on(folder: Folder) -> None:
    port = free_port()
    ready = {"http": "/", "interval": "20ms", "timeout": "50ms", "failures": 2}
    folder.start({"a": service("--port", port, "--http", port=port, ready=ready)})
    assert folder.settle()["ok"]
    pid = folder.row("a")["pid"]
    os.kill(pid, signal.SIGSTOP)
    within(5, lambda: folder.row("a")["state"] == "unhealthy")
    os.kill(pid, signal.SIGCONT)
    within(5, lambda: folder.row("a")["state"] == "ready")
    assert (folder.row("a")["pid"], folder.row("a")["restarts"]) == (pid, 0)


def test_auto_ports_stay_and_are_known_to_others(folder: Folder) -> None:
    shell = "exec sleep 1000"
    folder.write(
        {
            "a": {"command": shell, "shell": True, "port": "auto", "ready": None},
            "b": service("--echo-env", "URL", "--exit", 0, kind="task", env={"URL": "${services.a.url}"}),
        }
    )
    chosen = []
    for _ in range(2):
        folder.start()
        folder.settle()
        chosen.append(folder.row("a")["ports"]["http"])
        folder.down()
    assert chosen[0] == chosen[1]
    assert folder.log("b") == f"URL=http://127.0.0.1:{chosen[0]}\n" * 2


def test_secrets_are_nowhere_but_in_the_services_environment(folder: Folder) -> None:
    own, inherited = f"own-{os.urandom(6).hex()}", f"inherited-{os.urandom(6).hex()}"
    folder.environ["INHERITED"] = inherited
    tells = f"echo it is {own}, {inherited} >&2; exit 1"
    probe = {"exec": ["/bin/sh", "-c", tells], "interval": "10ms", "timeout": "1s"}
    # A program that tells on itself: in its arguments, in its last words, and to a probe that asks.
    web = {
        "command": ["/bin/sh", "-c", "echo $${OWN} $${INHERITED}; sleep 1000", own, inherited],
        "env": {"OWN": own}, "secrets": ["OWN", "INHERITED"], "ready": probe, "start_timeout": "60ms",
        "restart": {"delay": 0, "max_attempts": 1}, "port": free_port(),
    }  # fmt: skip
    pid = folder.start({"web": web})
    [failure] = folder.settle()["failed"]
    assert "********" in failure["detail"]
    assert failure["tail"] == ["******** ********"]
    said = [str(folder.client.request("GET", f"/v1/{path}")) for path in ("status", "events", "ports", "graph")]
    said += [str(failure), pathlib.Path(f"/proc/{pid}/cmdline").read_text(), folder.log("mamctl")]
    folder.down()
    home = pathlib.Path(folder.place.home)
    said += [path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()]
    assert len(said) > 8
    assert not [text for text in said if own in text or inherited in text]
    assert f"{own} {inherited}" in folder.log("web")


def test_the_command_line_keeps_its_hands_off_the_stack_of_another_manifest(folder: Folder) -> None:
    pid = folder.start({"a": service()})
    other = folder.path / "other.yaml"
    other.write_text("services: {b: {command: [sleep, '1000']}}\n")
    for words in (["status", "--json"], ["up", "-d"], ["down"]):
        command = [sys.executable, "-m", "mamctl.cli.main", "-f", str(other), *words]
        done = subprocess.run(command, env=folder.environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert f"error: {folder.place.home} belongs to {folder.manifest}\nhint: set MAMCTL_HOME" in done.stderr
    done = subprocess.run([*command[:-1], "validate"], env=folder.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert lives(pid)
