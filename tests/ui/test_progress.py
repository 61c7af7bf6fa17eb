from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mamctl.ui.narration import Narration
from mamctl.ui.paint import Paint
from mamctl.ui.progress import Progress, starting, stopping
from mamctl.ui.stream import Stream

sys.path.insert(0, str(Path(__file__).parent))
from rows import row

PLAIN = Paint(enabled=False)
TIME = re.compile(r"^\d\d:\d\d:\d\d ")


def began(*rows: dict[str, Any]) -> Progress:
    return Progress({"name": "mam", "services": list(rows)}, 0.0)


def event(kind: str, service: str | None, **data: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "2026-01-31T12:00:00.123Z", "service": service, "type": kind, "data": data}


def narrated(progress: Progress) -> Narration:
    return Narration(progress, Stream(list(progress.rows), PLAIN), PLAIN, began=0.0)


def told(narration: Narration, *events: dict[str, Any], live: bool = True) -> list[str]:
    lines = [line for one in events for line in narration.tell(one, 1.0, width=80, live=live)]
    return [TIME.sub("", line) for line in lines]


def test_an_event_brings_its_row_up_to_date() -> None:
    progress = began(row("backend", "starting"))
    data = {"state": "failed", "reason": "exited", "detail": "exit code 3", "exit_code": 3}
    assert progress.apply(event("failed", "backend", **data), 1.0) == ("starting", "failed")
    assert progress.rows["backend"]["detail"] == "exit code 3"
    assert progress.apply(event("started", "backend"), 2.0) == ("failed", "ready")
    assert progress.rows["backend"]["detail"] is None


def test_an_event_of_nobody_known_changes_nothing() -> None:
    progress = began(row("backend"))
    assert progress.apply(event("info", None), 1.0) == (None, None)
    assert progress.apply(event("started", "stranger"), 1.0) == (None, None)


def test_the_summary_says_what_is_starting_since_when_and_why_each_waits() -> None:
    progress = began(
        row("migrate", "completed"),
        row("backend", "starting"),
        row("agent", "waiting", depends_on=["migrate", "backend"]),
        row("api", "backoff", next_attempt_in_s=2.0),
    )
    lines = starting(progress, 1.2, 0.0, Paint(enabled=False, unicode=False))
    assert lines[0] == "| 1 of 4 ready, 1 starting, 1 waiting, 1 backoff, 1.2 s"
    assert lines[1:] == ["  backend 1.2 s of 30 s", "  api failed, next try in 0.8 s, agent waits for backend"]


def test_nothing_to_wait_for_makes_no_summary() -> None:
    assert starting(began(row("a"), row("b", "failed")), 1.0, 0.0, PLAIN) == []


def test_the_summary_of_a_stop_names_who_is_still_stopping() -> None:
    progress = began(row("backend"), row("agent"))
    progress.apply(event("stopping", "agent", state="stopping"), 1.0)
    lines = stopping(progress, 3.0, 0.5, Paint(enabled=False, unicode=False))
    assert lines == ["/ stopping, 2.5 s", "  agent 2.0 s"]


def test_a_new_manifest_replaces_the_rows() -> None:
    progress = began(row("old"), row("kept"))
    progress.replace({"name": "mam", "services": [row("kept"), row("new", "starting")]}, 5.0)
    assert list(progress.rows) == ["kept", "new"]
    assert progress.since("new", 6.0) == 1.0


def test_each_change_is_told_once() -> None:
    narration = narrated(began(row("backend", "starting", url="http://127.0.0.1:5001")))
    lines = told(
        narration,
        event("started", "backend", state="ready", ready_after_s=0.8),
        event("healthy", "backend", state="ready"),
        event("unhealthy", "backend", state="unhealthy", detail="HTTP 503"),
        event("healthy", "backend", state="ready"),
    )
    assert lines == [
        "● backend ready after 0.8 s  http://127.0.0.1:5001",
        "◐ backend unhealthy: HTTP 503",
        "● backend ready again",
    ]


def test_a_failure_comes_with_its_next_step_and_wraps_between_words() -> None:
    narration = narrated(began(row("django", "starting")))
    held = "port 8000 is held by pid 4312 (python wsgi.py, user alice, started 3 h ago)"
    lines = told(narration, event("failed", "django", state="failed", reason="port_taken", detail=held))
    assert lines == [
        "✗ django failed: port 8000 is held by pid 4312 (python wsgi.py, user",
        "           alice, started 3 h ago)",
        "  hint: stop the holder or change `port` of django, then `mamctl restart django`",
    ]


def test_what_the_summary_shows_is_not_told_again_but_a_pipe_is_told_everything() -> None:
    happened = [event("starting", "backend", state="starting"), event("process-exit", "backend", exit_code=0)]
    assert told(narrated(began(row("backend", "waiting"))), *happened) == []
    assert told(narrated(began(row("backend", "waiting"))), *happened, live=False) == ["◌ backend starting"]


def test_the_stop_of_what_did_not_run_is_no_news() -> None:
    narration = narrated(began(row("a", "failed"), row("b")))
    lines = told(narration, event("stopped", "a", state="stopped"), event("stopped", "b", state="stopped"))
    assert lines == ["○ b stopped"]


def test_the_last_word_of_a_supervisor_is_kept_and_not_told() -> None:
    narration = narrated(began(row("a")))
    assert told(narration, event("info", None, ending={"code": 1, "reason": "a failed"})) == []
    assert narration.ending == {"code": 1, "reason": "a failed"}


def test_the_outcome_is_told_once_with_every_address() -> None:
    rows = [
        row("backend", url="http://127.0.0.1:5001"),
        row("ui", url="http://127.0.0.1:3001"),
        row("migrate", "completed"),
    ]
    narration = narrated(began(*rows))
    assert narration.outcome(3.2) == [
        "all 3 ready in 3.2 s",
        "  backend  http://127.0.0.1:5001",
        "  ui       http://127.0.0.1:3001",
    ]
    assert narration.outcome(9.9) == []


def test_the_outcome_tells_who_is_absent() -> None:
    narration = narrated(began(row("backend"), row("lmstudio", "waiting", reason="absent")))
    assert narration.outcome(1.0) == [
        "1 of 1 ready in 1 s",
        "○ lmstudio is absent: it is picked up as soon as it answers",
    ]
