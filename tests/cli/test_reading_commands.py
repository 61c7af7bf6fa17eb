from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_supervisor import document, row, serving

from mamctl.control import registry
from mamctl.control.place import place

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor


def write_log(stack: Path, name: str, text: bytes) -> None:
    (stack / "logs").mkdir(exist_ok=True)
    (stack / "logs" / f"{name}.log").write_bytes(text)


def write_events(stack: Path, *events: dict[str, Any]) -> None:
    lines = [
        json.dumps({"seq": number, "at": "2026-01-31T12:00:00.123Z", "generation": 1, **event})
        for number, event in enumerate(events, 1)
    ]
    (stack / ".mamctl" / "events").write_text("\n".join(lines) + '\n{"torn')


def test_logs_of_all_services_carry_an_aligned_prefix(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    write_log(stack, "backend", b"one\n\x1b[31mtwo\x1b[0m\n")
    write_log(stack, "migrate", b"migrated\n")
    lines = mamctl("logs").out.splitlines()
    assert sorted(lines) == ["backend | one", "backend | two", "migrate | migrated"]


def test_logs_can_be_narrowed(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    write_log(stack, "backend", b"".join(b"line %d\n" % number for number in range(200)))
    assert len(mamctl("logs", "backend").out.splitlines()) == 100
    assert mamctl("logs", "backend", "-n", "2", "--no-prefix").out == "line 198\nline 199\n"
    assert mamctl("logs", "b*", "--grep", "7$", "-n", "1", "--no-prefix").out == "line 197\n"
    assert len(mamctl("logs", "--since", "1h").out.splitlines()) == 200
    assert mamctl("logs", "-t", "-n", "1").out[2] == ":"


def test_logs_as_json_are_one_object_a_line(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    write_log(stack, "backend", b"caf\xc3\xa9 \xff\n")
    found = json.loads(mamctl("logs", "--json").out)
    assert {key: found[key] for key in ("service", "stream", "line")} == {
        "service": "backend",
        "stream": "output",
        "line": "café \ufffd",
    }
    assert found["at"].endswith("Z")


def test_logs_of_a_service_that_is_gone_from_the_manifest_and_of_a_broken_manifest(
    stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    write_log(stack, "old", b"memories\n")
    assert mamctl("logs", "old").out == "old | memories\n"
    (stack / "services.yaml").write_text("services: [")
    assert mamctl("logs", "old").out == "old | memories\n"


def test_log_files_that_a_service_keeps_beside_ours_are_shown_to_those_who_name_them(
    stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    write_log(stack, "backend", b"served\n")
    write_log(stack, "app", b"served, says the backend's own log\n")
    write_log(stack, "old", b"memories\n")
    (stack / ".mamctl" / "index").mkdir(exist_ok=True)
    (stack / ".mamctl" / "index" / "old.log.idx").touch()
    assert sorted(mamctl("logs").out.splitlines()) == ["backend | served", "old     | memories"]
    assert mamctl("logs", "app").out == "app | served, says the backend's own log\n"


def test_logs_of_an_unknown_name_or_a_bad_pattern_are_usage_errors(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("logs", "backnd").err == "error: no such service: backnd\nhint: did you mean backend?\n"
    outcome = mamctl("logs", "--grep", "(")
    assert outcome.code == 2
    assert outcome.err.startswith("error: --grep '(' is no regular expression")
    outcome = mamctl("logs", "--since", "tomorrow")
    assert outcome.code == 2
    assert "'tomorrow' is not a duration" in outcome.err


def test_events_are_read_from_the_file_without_a_supervisor(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    write_events(
        stack,
        {"type": "supervisor-started", "service": None, "data": {}},
        {"type": "started", "service": "backend", "data": {"ready_after_s": 0.8}},
        {"type": "from-the-future", "service": "backend", "data": {}},
    )
    lines = [line[9:] for line in mamctl("events").out.splitlines()]
    assert lines == ["• the supervisor started", "● backend ready after 0.8 s", "• backend from-the-future"]
    found = [json.loads(line)["seq"] for line in mamctl("events", "--json", "--since", "1").out.splitlines()]
    assert found == [2, 3]


def test_events_of_a_stack_that_never_ran_are_none(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("events") == (0, "", "")


def test_following_events_goes_on_until_the_supervisor_leaves(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    def happen() -> None:
        supervisor.wait_for("STREAM", "/v1/events")
        supervisor.emit("started", "backend", ready_after_s=0.5)
        supervisor.vanish()

    thread = threading.Thread(target=happen)
    thread.start()
    outcome = mamctl("events", "-f")
    thread.join()
    assert outcome.code == 0
    assert "● backend ready after 0.5 s" in outcome.out
    assert outcome.err == "the supervisor has left\n"


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"ok": True, "timed_out": False, "cause": None}, 0, ""),
        (
            {"ok": False, "timed_out": False, "cause": {"service": "a", "state": "failed", "detail": "exit code 3"}},
            1,
            "error: a cannot become ready\n✗ a failed: exit code 3\n",
        ),
        (
            {"ok": False, "timed_out": True, "cause": None},
            5,
            "error: a and b: not ready after 2 s\nhint: `mamctl status` shows why\n",
        ),
    ],
)
def test_wait_ends_with_the_cause_or_after_the_timeout(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome], answer: Any, code: int, words: str
) -> None:
    supervisor.answers["GET /v1/wait"] = lambda _body: (200, answer)
    assert mamctl("wait", "a", "b", "--timeout", "2s") == (code, "", words)


def test_what_does_not_run_is_stopped(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("wait", "--for", "stopped").code == 0


def test_validate_says_what_is_there(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    outcome = mamctl("validate")
    assert (outcome.code, outcome.out) == (0, "services.yaml is valid: 1 service, 1 task\n")
    assert json.loads(mamctl("validate", "--json").out) == {"valid": True, "problems": [], "warnings": []}


def test_validate_reports_every_problem_at_its_place(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    (stack / "services.yaml").write_text("services:\n  a: {comand: [x]}\n  b: {command: [x], depends_on: [c]}\n")
    outcome = mamctl("validate")
    assert outcome.code == 2
    assert outcome.err.count("services.yaml:2:") >= 1
    assert outcome.err.count("services.yaml:3:") >= 1
    assert "did you mean command?" in outcome.err
    document = json.loads(mamctl("validate", "--json").out)
    assert document["valid"] is False
    assert len(document["problems"]) >= 2


def test_config_and_schema_print_what_is_understood(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    import yaml

    text = mamctl("config").out
    assert yaml.safe_load(text)["services"]["backend"]["command"] == ["sleep", "60"]
    assert json.loads(mamctl("config", "--json").out) == yaml.safe_load(text)
    assert json.loads(mamctl("schema").out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_graph_needs_no_supervisor(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("graph").out == "backend\n└─ migrate task (completed)\n\norder: migrate → backend\n"
    assert mamctl("graph", "--mermaid").out.startswith("flowchart LR\n")
    assert json.loads(mamctl("graph", "--json").out)["layers"] == [["migrate"], ["backend"]]
    assert mamctl("graph", "--json", "--mermaid").code == 2


def test_ports_are_surveyed_without_a_supervisor(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        (stack / "services.yaml").write_text(
            f"services:\n  web: {{command: [x], port: {number}}}\n  api: {{command: [x], port: auto}}\n"
        )
        found = {entry["service"]: entry for entry in json.loads(mamctl("ports", "--json").out)["ports"]}
        assert (found["web"]["port"], found["web"]["state"]) == (number, "foreign")
        assert found["api"]["state"] == "auto"
        text = mamctl("ports").out
    assert f"{number}" in text
    assert "pid " in text


def test_a_table_in_a_pipe_is_not_cut(stack: Path) -> None:
    import os
    import socket

    long = "s" * 60
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        (stack / "services.yaml").write_text(f"services: {{{long}: {{command: [x], port: {number}}}}}\n")
        env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        command = [sys.executable, "-m", "mamctl.cli.main", "ports"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert long in done.stdout
    assert f"pid {os.getpid()} (" in done.stdout
    assert "started" in done.stdout
    assert "…" not in done.stdout


def test_a_stack_without_ports_says_so(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("ports") == (0, "", "no service has a port\n")


def test_ls_lists_running_stacks_and_forgets_dead_ones(
    tmp_path: Path, stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    (tmp_path / "run").mkdir()
    assert mamctl("ls", **environ) == (0, "", "no stack is running\n")
    here = place(str(stack / "services.yaml"), environ)
    dead = here._replace(socket=str(tmp_path / "dead.sock"))
    registry.register(here, 41, environ)
    registry.register(dead, 42, environ)
    with serving(here.socket) as supervisor:
        supervisor.document = document(row("a"), row("b", "failed"))
        outcome = mamctl("ls", **environ)
        assert outcome.code == 0
        lines = outcome.out.splitlines()
        assert len(lines) == 2
        assert lines[1].split()[:6] == ["mam", "1", "of", "2", "ready,", "1"]
        (found,) = json.loads(mamctl("ls", "--json", **environ).out)
        assert (found["manifest"], found["well"], found["wanted"]) == (here.manifest, 1, 2)
    assert mamctl("ls", **environ).out == ""
    assert list((tmp_path / "run" / "mamctl" / "stacks").iterdir()) == []


def test_a_stack_can_be_taken_off_the_list_and_garbage_is_passed_over(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    here = place(str(tmp_path / "services.yaml"), environ)
    registry.register(here, 41, environ)
    folder = Path(registry.folder(environ))
    (folder / "garbage.json").write_text("[]")
    assert folder.stat().st_mode & 0o077 == 0
    assert len(list(folder.iterdir())) == 2
    registry.unregister(here, environ)
    registry.unregister(here, environ)
    assert registry.stacks(environ) == []


def test_following_logs_shows_the_past_once_and_then_what_comes_until_ctrl_c(stack: Path) -> None:
    write_log(stack, "backend", b"past\n")
    command = [sys.executable, "-m", "mamctl.cli.main", "logs", "-f", "--no-prefix"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "past\n"
        with open(stack / "logs" / "backend.log", "ab") as log:
            log.write(b"present\n")
        assert process.stdout.readline() == "present\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 130
        finally:
            process.kill()
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
