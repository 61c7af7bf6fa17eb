from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mamctl.core.states import Reason, State
from mamctl.ui import words
from mamctl.ui.happenings import Happening, sentence
from mamctl.ui.paint import style_of

sys.path.insert(0, str(Path(__file__).parent))
from rows import row, stack


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_meaning_in_words(reason: Reason) -> None:
    text = words.reason({"reason": str(reason)})
    assert text
    assert "_" not in text


# Who waits for a dependency or for the clock needs nobody's help.
@pytest.mark.parametrize("reason", [one for one in Reason if one not in (Reason.DEPENDENCY_WAITING, Reason.SCHEDULED)])
def test_every_reason_has_a_next_step(reason: Reason) -> None:
    step = words.next_step(row("backend", "failed", reason=str(reason)))
    assert step
    assert "{" not in step


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_symbol_and_a_style(state: State) -> None:
    assert style_of(str(state))


def test_a_services_own_words_do_nothing_to_the_terminal() -> None:
    status = "\x1b[31mhot\x1b[0m \x1b]0;title\x07new\r"
    assert words.reason({"state": "ready", "detail": status}) == "hot new"
    assert sentence({"service": "a", "type": "warning", "data": {"detail": status}}).text == "hot new"


def test_the_supervisors_own_sentence_comes_before_ours() -> None:
    assert words.reason({"reason": "exited", "detail": "exit code 3"}) == "exit code 3"
    assert words.reason({"reason": "a_new_word"}) == "a new word"
    assert words.reason({}) == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row("a", "waiting", waits_for=["b"]), "waits for b"),
        (row("a", "waiting", waits_for=["b", "c"]), "waits for b and c"),
        (row("a", "waiting", waits_for=["b", "c", "d", "e", "f"]), "waits for b, c, d and 2 more"),
        (row("a", "waiting", reason="absent"), "absent: nobody answers yet"),
        (row("a", "backoff", detail="exit code 1", next_attempt_in_s=2.0, attempt=3),
         "exit code 1; next try in 2 s (attempt 3)"),
        (row("a", "backoff", detail="exit code 1", next_attempt_in_s=4.2, attempt=3, max_attempts=5),
         "exit code 1; next try in 4.2 s (attempt 3 of 5)"),
        (row("a", "backoff"), "it failed; next try"),
        (row("a", "starting", uptime_s=12.0), "not ready yet (12 s of 30 s)"),
        (row("a", "starting", uptime_s=12.0, detail="HTTP 503"), "HTTP 503 (12 s of 30 s)"),
        (row("a", "starting", uptime_s=None, detail="its port is chosen"), "its port is chosen"),
        (row("a", "ready", ownership="external"), "started by hand"),
        (row("a", "ready"), ""),
        (row("a", "stopped", reason="by_operator"), "by you"),
        (row("a", "failed", reason="gave_up"), "it failed too often and was given up"),
    ],
)  # fmt: skip
def test_the_table_says_why_in_a_few_words(found: dict[str, Any], expected: str) -> None:
    assert words.why(found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row("a", "failed", reason="port_taken", detail="port 1 is held by pid 7 (x)"), "its port is taken"),
        (row("a", "failed", reason="exited", detail="exited with code 3"), "exited with code 3"),
        (row("a", "waiting", reason="absent", detail="connection refused"), "absent"),
        (row("a", "ready"), ""),
        (row("a", "failed", reason="a_new_word"), "a new word"),
    ],
)
def test_what_is_told_in_full_elsewhere_is_only_named_in_the_table(found: dict[str, Any], expected: str) -> None:
    assert words.brief(found) == expected


def test_what_is_well_needs_no_next_step() -> None:
    assert [words.next_step(row("a", state)) for state in ("ready", "completed", "starting", "backoff")] == [None] * 4
    assert words.next_step(row("a", "unhealthy")) == "`mamctl logs a` shows what it is doing"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "nothing runs"),
        ([row("a", "stopped")], "nothing runs"),
        ([row("a")], "1 of 1 ready"),
        ([row("a"), row("b", "completed")], "all 2 ready"),
        (
            [row("a"), row("b", "failed"), row("c", "failed"), row("d", "starting")],
            "1 of 4 ready, 2 failed, 1 starting",
        ),
        ([row("a"), row("lm", "waiting", reason="absent")], "1 of 1 ready"),
    ],
)
def test_a_stack_is_summed_up_in_one_phrase(rows: list[dict[str, Any]], expected: str) -> None:
    assert words.totals(rows) == expected


def test_a_good_outcome_tells_how_long_it_took() -> None:
    assert words.settled([row("a"), row("b")], 3.24) == "all 2 ready in 3.2 s"
    assert words.settled(stack()["services"], 3.24) == "3 of 6 ready, 1 waiting, 1 backoff, 1 failed"


def test_ends_are_told_by_code_or_signal() -> None:
    assert words.ended({"exit_code": 3}) == "exit code 3"
    assert words.ended({"exit_signal": 9}) == "ended by signal 9 (KILL)"
    assert words.ended({"exit_signal": "SIGTERM"}) == "ended by signal TERM"
    assert words.ended({"exit_signal": 99}) == "ended by signal 99"
    assert words.ended({}) == ""


def test_survivors_are_named_by_pid_and_command() -> None:
    found = [{"pid": 7, "command": "sleep 9"}, {"pid": 8, "command": None}]
    assert words.survivors(found) == "2 processes are still there: pid 7 (sleep 9), pid 8 (command unknown)"


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("started", {"ready_after_s": 0.8}, Happening("ready after 0.8 s", "ready")),
        ("started", {}, Happening("ready", "ready")),
        ("started", {"ownership": "external"}, Happening("ready, started by hand", "ready")),
        ("waiting", {"waits_for": ["b"]}, Happening("waits for b", "waiting")),
        ("waiting", {"detail": "waits for b"}, Happening("waits for b", "waiting")),
        ("waiting", {}, Happening("waits", "waiting")),
        ("waiting", {"reason": "absent", "detail": "connection refused"},
         Happening("is absent: connection refused", "waiting")),
        ("backoff", {"exit_code": 3, "next_attempt_in_s": 0.5, "attempt": 1},
         Happening("exit code 3; next try in 0.5 s (attempt 1)", "backoff")),
        ("restarting", {"exit_signal": 15}, Happening("restarting", "starting")),
        (
            "failed",
            {"detail": "ended with code 1", "watched": True},
            Happening("failed: ended with code 1; it starts again when its files change", "failed"),
        ),
        ("restarting", {"reason": "liveness_failed"}, Happening("restarting: its live probe failed", "starting")),
        ("stopped", {"reason": "by_operator"}, Happening("stopped", "stopped")),
        ("stopped", {"reason": "unsupervised_exit"},
         Happening("stopped: it ended while no supervisor ran", "stopped")),
        ("completed", {"ran_s": 1.25}, Happening("completed in 1.2 s", "completed")),
        ("failed", {"reason": "gave_up", "detail": "exit code 3; gave up after 5 restarts"},
         Happening("failed: exit code 3; gave up after 5 restarts", "failed")),
        ("unhealthy", {"detail": "HTTP 503"}, Happening("unhealthy: HTTP 503", "unhealthy")),
        ("process-exit", {"exit_code": 0}, Happening("its process ended (exit code 0)", "")),
        ("process-exit", {}, Happening("its process ended", "")),
        ("port-conflict", {"detail": "port 1 is held"}, Happening("found its port taken", "failed")),
        ("process-error", {"detail": "no such program"}, Happening("could not be started", "failed")),
        ("info", {"detail": "its log was rotated"}, Happening("its log was rotated", "")),
        ("info", {"ending": {"code": 0, "reason": "down"}},
         Happening("the supervisor left with exit code 0: everything was stopped for good", "")),
        ("info", {"ending": {"code": 1, "reason": "failed: web"}},
         Happening("the supervisor left with exit code 1: failed: web", "failed")),
        ("manifest-changed", {"removed": []}, Happening("the manifest was read again", "")),
        ("manifest-changed", {"removed": ["a", "b"]},
         Happening("the manifest was read again; gone from it: a and b", "")),
        ("warning", {"message": "slow"}, Happening("slow", "unhealthy")),
    ],
)  # fmt: skip
def test_events_become_sentences(kind: str, data: dict[str, Any], expected: Happening) -> None:
    assert sentence({"type": kind, "data": data}) == expected


def test_every_event_type_of_the_contract_has_words() -> None:
    kinds = (
        "starting started stopping stopped restarting healthy unhealthy error warning info process-exit process-error "
        "api-error waiting backoff failed completed adopted port-conflict supervisor-started supervisor-restarted "
        "manifest-changed"
    )
    assert [kind for kind in kinds.split() if sentence({"type": kind}) is None] == []
    assert sentence({"type": "stdout"}) is None
