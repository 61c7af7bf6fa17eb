from __future__ import annotations

from mamctl.core.errors import Problem
from mamctl.ui.paint import Paint
from mamctl.ui.picture import mermaid, tree
from mamctl.ui.report import error, failure, outcome, problems, stop_notes

PLAIN = Paint(enabled=False)


def test_an_error_is_one_line_and_its_hint_another() -> None:
    assert error("what", "next", PLAIN) == ["error: what", "hint: next"]
    assert error("what", None, PLAIN) == ["error: what"]
    assert error("what", None, Paint(enabled=True)) == ["\x1b[31merror:\x1b[0m what"]


def test_every_problem_of_a_manifest_is_told_with_its_hint() -> None:
    found = [
        Problem("services.yaml", 12, 5, "services.backend.comand", "unknown key", "did you mean command?"),
        Problem("services.yaml", 14, 3, "", "a tab", None),
    ]
    assert problems(found, PLAIN) == [
        "error: services.yaml:12:5: services.backend.comand: unknown key",
        "  hint: did you mean command?",
        "error: services.yaml:14:3: a tab",
    ]


def test_a_problem_holds_nothing_that_a_terminal_would_obey() -> None:
    found = [Problem("a\x1b]0;x\x07.yaml", 2, 3, "services.\x1b[31mbad", "unknown key", "did you mean \x1b[0m?")]
    assert problems(found, PLAIN) == [
        "error: a.yaml:2:3: services.bad: unknown key",
        "  hint: did you mean ?",
    ]


def test_a_failure_shows_its_cause_its_last_words_and_the_next_step() -> None:
    entry = {
        "service": "backend",
        "state": "failed",
        "reason": "gave_up",
        "detail": "gave up after 5 restarts",
        "exit_code": 3,
        "exit_signal": None,
        "log": "logs/backend.log",
        "tail": ["Traceback:", "\x1b[31mValueError\x1b[0m " + "x" * 100],
    }
    lines = failure(entry, 80, PLAIN)
    assert lines[:3] == [
        "✗ backend failed: gave up after 5 restarts (exit code 3)",
        "  its last words, from logs/backend.log:",
        "  │ Traceback:",
    ]
    assert lines[3].startswith("  │ ValueError xxx")
    assert len(lines[3]) <= 80
    assert lines[4] == "  hint: `mamctl logs backend` shows why; `mamctl restart backend` tries again"
    assert failure(entry, 80, PLAIN, tail=False) == [lines[0], lines[4]]


def test_a_failure_that_nobody_can_explain_says_so() -> None:
    assert failure({"service": "a", "reason": None}, 80, PLAIN) == ["✗ a failed: no reason is known"]


def test_an_outcome_names_what_was_removed_what_waits_and_what_is_absent() -> None:
    report = {
        "removed": ["old", "older"],
        "pending": [{"service": "slow", "state": "starting", "detail": "connection refused"}],
        "absent": ["lmstudio"],
    }
    assert outcome(report, 80, PLAIN) == [
        "stopped, because the manifest has them no more: old and older",
        "◌ slow is still starting: connection refused",
        "○ lmstudio is absent: it is picked up as soon as it answers",
    ]


def test_those_that_only_wait_for_what_failed_are_told_together() -> None:
    entries = [{"service": "db", "state": "failed", "reason": "exited", "exit_code": 3}]
    entries += [
        {"service": name, "state": "failed", "reason": "dependency_failed", "detail": "needs db"} for name in "ab"
    ]
    lines = outcome({"failed": entries}, 80, PLAIN)
    assert lines[0].startswith("✗ db failed")
    assert lines[-1] == "✗ a and b start by themselves once what failed is mended"
    assert not [line for line in lines if "needs db" in line]
    alone = outcome({"failed": entries[:2]}, 80, PLAIN)
    assert "  hint: mend the dependency: a then starts by itself" in alone


def test_a_stop_names_running_dependants_and_survivors() -> None:
    assert stop_notes({"running_dependants": ["agent"]}, PLAIN) == [
        "warning: agent is still running, and depends on what was stopped"
    ]
    two = stop_notes({"running_dependants": ["agent", "api"]}, PLAIN)
    assert two == ["warning: agent and api are still running, and depend on what was stopped"]
    assert stop_notes({"survivors": [{"pid": 7, "command": "sleep"}]}, PLAIN)[0] == (
        "error: 1 process is still there: pid 7 (sleep)"
    )


GRAPH = {
    "services": [
        {"name": "migrate", "kind": "task", "depends_on": {}},
        {"name": "backend", "kind": "service", "depends_on": {"migrate": {"condition": "completed", "required": True}}},
        {"name": "llm", "kind": "external", "depends_on": {}},
        {
            "name": "agent",
            "kind": "service",
            "depends_on": {
                "backend": {"condition": "ready", "required": True},
                "llm": {"condition": "ready", "required": False},
            },
        },
        {"name": "ui", "kind": "service", "depends_on": {"backend": {"condition": "started", "required": True}}},
    ],
    "layers": [["migrate", "llm"], ["backend"], ["agent", "ui"]],
}


def test_the_graph_is_drawn_as_a_tree_with_every_subtree_once() -> None:
    assert tree(GRAPH, PLAIN) == [
        "agent",
        "├─ backend",
        "│  └─ migrate task (completed)",
        "└─ llm external (optional)",
        "ui",
        "└─ backend (started) (above)",
        "",
        "order: migrate llm → backend → agent ui",
    ]


def test_the_graph_is_a_mermaid_flowchart() -> None:
    assert mermaid(GRAPH) == [
        "flowchart LR",
        '  s0(["migrate"])',
        '  s1["backend"]',
        '  s2[("llm")]',
        '  s3["agent"]',
        '  s4["ui"]',
        "  s1 -->|completed| s0",
        "  s3 -->|ready| s1",
        "  s3 -.->|ready| s2",
        "  s4 -->|started| s1",
    ]


def test_an_absent_service_that_is_required_is_told_once() -> None:
    entry = {"service": "lm", "state": "waiting", "reason": "absent", "detail": "nobody answers", "tail": []}
    lines = outcome({"failed": [entry], "absent": ["lm", "other"]}, 100, PLAIN)
    assert [line for line in lines if "lm " in line] == ["○ lm is absent: nobody answers"]
    assert "○ other is absent: it is picked up as soon as it answers" in lines
