from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from fake_supervisor import document, report, row

from mamctl.cli import takedown
from mamctl.cli.invocation import Invocation
from mamctl.cli.operate import _meant
from mamctl.runtime.ownership import own

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

FAILED = {
    "service": "backend",
    "state": "failed",
    "reason": "exited",
    "detail": "exited with code 3",
    "exit_code": 3,
    "exit_signal": None,
    "log": "logs/backend.log",
    "tail": ["ValueError: no"],
}


def answering(answer: Any, status: int = 200) -> Callable[[Any], tuple[int, Any]]:
    return lambda _body: (status, answer)


def test_up_detached_prints_the_table_and_ends_with_0(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/up"] = answering(report(row("backend"), row("agent")))
    outcome = mamctl("up", "-d", "--timeout", "5m", "--profile", "ai")
    assert outcome.code == 0
    assert "backend  ● ready" in outcome.out
    assert outcome.err.startswith("all 2 ready in ")
    body = supervisor.wait_for("POST", "/v1/up")
    assert body == {"services": None, "profiles": ["ai"], "no_deps": False, "wait": 300.0, "only_wait": False}


def test_up_detached_shows_a_failure_with_its_cause_and_last_words_and_ends_with_1(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/up"] = answering(report(row("backend", "failed"), ok=False, failed=[FAILED]))
    outcome = mamctl("up", "-d")
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "",
        "✗ backend failed: exited with code 3",
        "  its last words, from logs/backend.log:",
        "  │ ValueError: no",
        "  hint: `mamctl logs backend` shows its last words",
    ]


def test_up_detached_tells_a_taken_port_and_an_absent_service_once(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    held = {"reason": "port_taken", "detail": "port 5001 is held by pid 7 (python wsgi.py)"}
    gone = {"reason": "absent", "detail": "connection refused"}
    failed = [{"service": "web", "state": "failed", **held}, {"service": "lm", "state": "waiting", **gone}]
    rows = [row("web", "failed", **held), row("lm", "waiting", **gone), row("sick", "unhealthy", detail="HTTP 503")]
    answer = report(*rows, ok=False, failed=failed, absent=["lm"])
    supervisor.answers["POST /v1/up"] = answering(answer)
    outcome = mamctl("up", "-d")
    told = outcome.out + outcome.err
    assert (told.count("pid 7"), told.count("connection refused"), told.count("is absent")) == (1, 1, 1)
    assert re.search(r"^web +✗ failed +its port is taken$", outcome.out, re.MULTILINE)
    assert re.search(r"^lm +○ waiting +absent$", outcome.out, re.MULTILINE)
    assert "◐ sick: HTTP 503" in outcome.out


def test_up_detached_that_has_not_settled_ends_with_5(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    pending = [{"service": "slow", "state": "starting", "detail": None}]
    answer = report(row("slow", "starting"), settled=False, ok=False, pending=pending)
    supervisor.answers["POST /v1/up"] = answering(answer)
    outcome = mamctl("up", "-d", "--timeout", "100ms")
    assert outcome.code == 5
    assert "◌ slow is still starting" in outcome.err


def test_up_without_waiting_returns_at_once(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.answers["POST /v1/up"] = answering(report())
    outcome = mamctl("up", "-d", "--no-wait", "backend", "--no-deps")
    assert (outcome.code, outcome.out) == (0, "")
    body = supervisor.wait_for("POST", "/v1/up")
    assert body == {"services": ["backend"], "profiles": [], "no_deps": True, "wait": None}


def test_a_bad_manifest_shows_every_problem_and_changes_nothing(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    found = [
        {
            "file": "services.yaml",
            "line": 3,
            "column": 5,
            "key": "services.a.x",
            "message": "unknown key",
            "hint": "y?",
        },
        {"file": "services.yaml", "line": 9, "column": 1, "key": "services.b", "message": "no command", "hint": None},
    ]
    answer = {"error": "the manifest has 2 problems", "code": "manifest_invalid", "hint": None, "problems": found}
    supervisor.answers["POST /v1/up"] = answering(answer, 400)
    outcome = mamctl("up", "-d")
    assert outcome == (
        2,
        "",
        (
            "error: services.yaml:3:5: services.a.x: unknown key\n  hint: y?\n"
            "error: services.yaml:9:1: services.b: no command\n"
            "error: the manifest has 2 problems; nothing was changed\n"
        ),
    )


def test_a_refusal_is_an_error_with_its_hint(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    refusal = {
        "error": "no such service: backnd",
        "code": "unknown_service",
        "hint": "did you mean backend?",
    }
    supervisor.answers["POST /v1/services/backnd/start"] = answering(refusal, 404)
    outcome = mamctl("start", "backnd")
    assert outcome == (2, "", "error: no such service: backnd\nhint: did you mean backend?\n")


def test_start_and_stop_of_many_ask_for_each_and_tell_the_worst(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/services/a/start"] = answering(report(row("a")))
    failed = report(row("a"), row("backend", "failed"), ok=False, failed=[FAILED])
    supervisor.answers["POST /v1/services/backend/start"] = answering(failed)
    outcome = mamctl("start", "a", "backend", "--timeout", "3s")
    assert outcome.code == 1
    assert outcome.err.count("exited with code 3") == 1
    assert supervisor.wait_for("POST", "/v1/services/a/start") == {"wait": 3.0}


def test_many_starts_are_asked_for_at_the_same_time(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    together = threading.Barrier(3, timeout=10)

    def met(_body: Any) -> tuple[int, Any]:
        together.wait()
        return 200, report(row("a"))

    for name in "abc":
        supervisor.answers[f"POST /v1/services/{name}/start"] = met
    assert mamctl("start", "a", "b", "c").code == 0


def test_globs_and_many_names_are_asked_for_dependants_first_when_stopping(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    rows = [row("w1", layer=0), row("w2", layer=1), row("db", layer=0), row("api", layer=2)]
    supervisor.document = document(*rows)
    asked: list[str] = []
    for name in ("w1", "w2", "db", "api"):
        for verb in ("start", "stop"):
            path = f"POST /v1/services/{name}/{verb}"
            supervisor.answers[path] = lambda _body, name=name: (asked.append(name), (200, report(*rows)))[1]
    assert mamctl("stop", "w*", "api").code == 0
    assert sorted(asked) == ["api", "w1", "w2"]
    assert mamctl("start", "zz*").err == "error: no service matches zz*\nhint: known: w1, w2, db, api\n"


def test_the_order_of_a_stop_is_that_of_a_start_reversed(supervisor: FakeSupervisor, stack: Path) -> None:
    supervisor.document = document(row("db", layer=0), row("api", layer=2), row("w", layer=1))
    invocation = Invocation(file=None, color="never", environ={})
    assert _meant(invocation, "stop", ["db", "w", "api"]) == ["api", "w", "db"]
    assert _meant(invocation, "start", ["api", "db", "w"]) == ["db", "w", "api"]
    assert _meant(invocation, "start", ["brand-new"]) == ["brand-new"]


def test_stop_names_running_dependants(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    answer = report(row("db", "stopped"), row("api"), running_dependants=["api"], survivors=[])
    supervisor.answers["POST /v1/services/db/stop"] = answering(answer)
    outcome = mamctl("stop", "db")
    assert outcome.code == 0
    assert outcome.err == "warning: api is still running, and depends on what was stopped\n"


def test_a_survivor_of_a_stop_is_named_and_the_code_is_1(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    answer = report(row("db", "stopped"), survivors=[{"pid": 7, "command": "sleep 9"}])
    supervisor.answers["POST /v1/services/db/stop"] = answering(answer)
    outcome = mamctl("stop", "db")
    assert outcome.code == 1
    assert "error: 1 process is still there: pid 7 (sleep 9)" in outcome.err


def test_restart_without_names_means_all(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.answers["POST /v1/restart"] = answering(report(row("a")))
    assert mamctl("restart").code == 0
    assert supervisor.wait_for("POST", "/v1/restart")["services"] is None
    assert mamctl("restart", "a", "b").code == 0
    assert supervisor.wait_for("POST", "/v1/restart", times=2)["services"] == ["a", "b"]


def down_answer(stack: Path, **changes: Any) -> Callable[[Any], tuple[int, Any]]:
    def answer(_body: Any) -> tuple[int, Any]:
        (stack / ".mamctl" / "control.sock").unlink()
        return 200, {"settled": True, "stopped": ["a", "b"], "survivors": [], "killed": [], **changes}

    return answer


def test_down_is_done_when_the_supervisor_has_left(
    supervisor: FakeSupervisor, stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/down"] = down_answer(stack)
    assert mamctl("down") == (0, "", "stopped 2 services; nothing is left\n")
    assert supervisor.wait_for("POST", "/v1/down") == {"wait": 60.0, "force": False}


def test_down_names_survivors_and_ends_with_1(
    supervisor: FakeSupervisor, stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.answers["POST /v1/down"] = down_answer(stack, survivors=[{"pid": 9, "command": "dd"}])
    outcome = mamctl("down")
    assert outcome.code == 1
    assert "pid 9 (dd)" in outcome.err


def test_down_that_takes_too_long_ends_with_5_and_says_what_still_runs(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    answer = {"settled": False, "stopped": ["a"], "survivors": [], "killed": []}
    supervisor.answers["POST /v1/down"] = answering(answer)
    outcome = mamctl("down", "--timeout", "50ms")
    assert outcome.code == 5
    assert outcome.err.startswith("error: not everything stopped within 50 ms")


def test_down_with_nothing_running_is_done(stack: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("down") == (0, "", "nothing is running\n")


@pytest.mark.parametrize("words", [("start", "a"), ("stop", "a"), ("restart",), ("events", "-f"), ("wait",)])
def test_what_needs_a_supervisor_ends_with_4_without_one(
    stack: Path, mamctl: Callable[..., Outcome], words: tuple[str, ...]
) -> None:
    outcome = mamctl(*words)
    assert outcome.code == 4
    assert outcome.err.splitlines()[0].startswith("error: no supervisor")
    assert outcome.err.splitlines()[1].startswith("hint: ")


def test_down_does_not_take_a_supervisor_that_is_only_just_beginning_for_nothing(
    stack: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takedown, "LEAVE_SECONDS", 0.02)
    beginning = own(str(stack / ".mamctl"), str(stack / "services.yaml"))
    assert mamctl("down").code == 4
    os.close(beginning)
    assert mamctl("down") == (0, "", "nothing is running\n")
