"""`mamctl doctor` on real folders, ports, programs and supervisors."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Outcome

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
Findings = dict[str, dict[str, Any]]


@pytest.fixture
def examine(tmp_path: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Findings]:
    """Write a manifest and return the findings by their message."""
    monkeypatch.chdir(tmp_path)

    def examined(services: Any = None, text: str | None = None, **environ: str) -> Findings:
        (tmp_path / "services.yaml").write_text(text or json.dumps({"name": "d", "services": services}))
        outcome = mamctl("doctor", "--json", **environ)
        document = json.loads(outcome.out)
        errors = [finding for finding in document["findings"] if finding["level"] == "error"]
        assert (outcome.code, document["ok"], document["errors"]) == (int(bool(errors)), not errors, len(errors))
        return {finding["message"]: finding for finding in document["findings"]}

    return examined


def bad(findings: Findings) -> dict[str, str]:
    return {
        message: finding["level"] for message, finding in findings.items() if finding["level"] in ("warning", "error")
    }


def test_a_stack_that_will_work_has_nothing_bad(examine: Callable[..., Findings], tmp_path: Path) -> None:
    findings = examine({"a": {"command": ["sleep", "1"], "port": "auto"}})
    assert [message for message, level in bad(findings).items() if level == "error"] == []
    assert "services.yaml is valid" in findings
    assert findings["no supervisor runs"]["level"] == "ok"
    areas = "manifest programs versions ports permissions supervisor leftovers disk limits abilities"
    assert {finding["area"] for finding in findings.values()} >= set(areas.split())
    assert sorted(os.listdir(tmp_path)) == ["services.yaml"], "it changed something"


def test_a_broken_manifest_is_an_error_and_the_rest_is_looked_at(examine: Callable[..., Findings]) -> None:
    findings = examine(text="services: {a: {comand: [x]}}")
    found = findings["services.yaml:1:16: services.a.comand: unknown key"]
    assert (found["level"], found["fix"]) == ("error", "did you mean command?")
    assert {finding["area"] for finding in findings.values()} >= {"permissions", "disk", "limits"}


def test_without_a_manifest_the_system_is_looked_at(
    tmp_path: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = mamctl("doctor")
    assert outcome.code == 1
    assert "✗ error: no services.yaml in" in outcome.out
    assert "\nlimits\n" in outcome.out
    assert outcome.out.splitlines()[-1].startswith("1 error")


def test_a_missing_program_or_folder_is_told_with_its_key(examine: Callable[..., Findings]) -> None:
    findings = examine(
        {
            "a": {"command": ["no-such-program-here"]},
            "b": {"command": ["sleep", "1"], "cwd": "nowhere"},
            "c": {"command": ["sleep", "1"], "ready": {"exec": ["no-such-check"]}},
            "d": {"command": ["no-such-program-either"], "manual": True},
            "e": {"command": ["./own"]},
        }
    )
    levels = bad(findings)
    assert levels["no-such-program-here, the command of a, was not found"] == "error"
    assert levels["no-such-check, the ready of c, was not found"] == "error"
    assert levels["no-such-program-either, the command of d, was not found"] == "warning"
    assert levels["./own, the command of e, was not found"] == "error"
    assert any(message.endswith("/nowhere does not exist") for message in levels)
    assert "or correct `command` of a" in findings["no-such-program-here, the command of a, was not found"]["fix"]


def test_a_program_of_the_wrong_version_is_told_with_the_file_that_wants_another(
    examine: Callable[..., Findings], tmp_path: Path
) -> None:
    for folder in ("bin", "web", "api"):
        (tmp_path / folder).mkdir()
    node = tmp_path / "bin" / "node"
    node.write_text("#!/bin/sh\necho v18.1.0\n")
    node.chmod(0o755)
    (tmp_path / "web" / "package.json").write_text('{"engines": {"node": ">=20"}}')
    (tmp_path / "api" / ".nvmrc").write_text("v18\n")
    findings = examine(
        {
            "web": {"command": ["node", "x.js"], "cwd": "web", "env": {"PATH": f"../bin:{os.environ['PATH']}"}},
            "api": {"command": ["sleep", "1"], "cwd": "api", "env": {"PATH": f"../bin:{os.environ['PATH']}"}},
        }
    )
    (wrong,) = [message for message in bad(findings) if "package.json" in message]
    assert wrong.endswith("is not what web/package.json wants: >=20")
    assert findings[wrong]["level"] == "error"
    assert findings["node 18.1.0 of api is what api/.nvmrc wants (18)"]["level"] == "ok"


def test_a_held_port_is_told_with_its_holder_unless_another_can_be_chosen(examine: Callable[..., Findings]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        findings = examine({"a": {"command": ["sleep", "1"], "port": port}})
        (held,) = [
            message for message in findings if message.startswith(f"port {port} of a is held by pid {os.getpid()}")
        ]
        assert findings[held]["level"] == "error"
        findings = examine({"a": {"command": ["sleep", "1"], "ports": {"http": {"prefer": port, "fallback": "auto"}}}})
        (moved,) = [message for message in findings if message.startswith(f"port {port} of a is foreign")]
        assert findings[moved]["level"] == "note"


def test_what_others_may_write_is_told_as_up_would_refuse_it(examine: Callable[..., Findings], tmp_path: Path) -> None:
    (tmp_path / ".mamctl").mkdir()
    (tmp_path / ".mamctl").chmod(0o777)
    (tmp_path / "logs").write_text("in the way")
    (tmp_path / "services.yaml").touch()
    (tmp_path / "services.yaml").chmod(0o666)
    levels = bad(examine({"a": {"command": ["sleep", "1"]}}))
    assert levels[f"{tmp_path}/services.yaml is writable by everybody, so `up` refuses it"] == "error"
    assert levels[f"{tmp_path}/.mamctl is writable by others, so `up` refuses it"] == "error"
    assert levels[f"{tmp_path}/logs is in the way: a folder is needed there"] == "error"


def test_a_home_of_another_manifest_is_told_once(examine: Callable[..., Findings], tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("services: {}")
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "lock").write_text(str(tmp_path / "other.yaml"))
    findings = examine({"a": {"command": ["sleep", "1"]}}, MAMCTL_HOME=str(tmp_path / "home"))
    assert findings[f"{tmp_path}/home belongs to {tmp_path}/other.yaml"]["level"] == "error"


def test_variables_that_nobody_sets_are_noted(examine: Callable[..., Findings], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / ".env").chmod(0o622)
    (tmp_path / ".env.example").write_text("A=1\nB=2\n# C=3\n")
    service = {"command": ["sleep", "1"], "env_file": ".env", "secrets": ["KEY"]}
    findings = examine({"a": service})
    assert findings[".env.example has B, and nobody sets it"]["level"] == "note"
    assert findings["KEY, a secret of a, is not set"]["level"] == "note"
    assert findings[".env can be written by others"]["level"] == "warning"
    findings = examine({"a": {**service, "env_file": ".missing"}})
    assert any(finding["level"] == "error" and ".missing" in message for message, finding in findings.items())


def test_an_external_service_is_there_absent_or_somebody_else(examine: Callable[..., Findings]) -> None:
    def external(port: int, **more: Any) -> Any:
        return {"lm": {"kind": "external", "port": port, "identify": {"tcp": f"127.0.0.1:{port}"}, **more}}

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert "lm was started by hand, and is attached to" in examine(external(port))
    assert examine(external(port))["lm is absent (connection refused)"]["level"] == "note"
    spawn = {"acquire": ["attach", {"spawn": {"command": ["sleep", "1"]}}]}
    assert "lm is absent (connection refused): one of our own is started in its place" in examine(
        external(port, **spawn)
    )


def test_many_services_need_many_open_files() -> None:
    from mamctl.runtime.doctor.system import check_limits

    findings = list(check_limits(10**8))
    assert (str(findings[0].level), findings[0].area) == ("error", "limits")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Path]:
    services = {"a": {"command": ["sleep", "1000"]}, "b": {"command": ["sh", "-c", "exit 78"]}}
    (tmp_path / "services.yaml").write_text(json.dumps({"services": services}))
    run(tmp_path, "up", "-d")
    yield tmp_path
    run(tmp_path, "down", "--timeout", "5s")


def messages(folder: Path) -> Findings:
    return {finding["message"]: finding for finding in json.loads(run(folder, "doctor", "--json").stdout)["findings"]}


@pytest.mark.slow
def test_a_running_stack_is_told_with_its_supervisor_and_what_failed(started: Path) -> None:
    found = messages(started)
    assert any(message.startswith("supervisor ") for message in found)
    assert any(message.startswith("guardian ") for message in found)
    assert [finding["level"] for message, finding in found.items() if message.startswith("b is failed")] == ["warning"]


@pytest.mark.slow
def test_what_a_dead_supervisor_left_is_a_warning_with_what_to_do(started: Path) -> None:
    status = json.loads(run(started, "status", "--json").stdout)
    pids = [status["supervisor"]["guardian_pid"], status["supervisor"]["pid"]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not lives(pid))
    (row,) = [row for row in status["services"] if row["name"] == "a"]
    found = messages(started)
    left = found[f"a (pid {row['pid']}) runs without a supervisor"]
    assert (left["level"], left["fix"]) == ("warning", "`mamctl up -d` takes it over, `mamctl down` stops it")
    assert any("is left of a supervisor that died" in message for message in found)
