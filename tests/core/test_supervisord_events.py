"""What listeners are told: the events that supervisord would have sent, from histories of ours."""

from __future__ import annotations

from typing import Any

import pytest

from mamctl.core.manifest.choices import Kind
from mamctl.core.manifest.event_types import PARENTS
from mamctl.core.manifest.ladder import External
from mamctl.core.manifest.model import Probe, ServiceSpec, TcpProbe
from mamctl.core.supervisord_events import (
    BEGUN,
    ENDING,
    EXTRA,
    MOVES,
    Subject,
    Told,
    Track,
    regrouped,
    subject_of,
    tell,
    ticks,
)
from mamctl.core.supervisord_states import ProcessState

WEB = Subject("web-1", "web")
JOB = Subject("job", "job", task=True)
STARTING = ("starting", {"pid": 7})
STARTED = ("started", {})
CRASH = ("process-exit", {"exit_code": 3, "exit_signal": None})
GOOD_END = ("process-exit", {"exit_code": 0, "exit_signal": None})
GAVE_UP = ("failed", {"reason": "gave_up"})
BACKOFF = ("backoff", {"reason": "exited"})
STOPPING = ("stopping", {"reason": "by_operator"})
STOPPED = ("stopped", {"reason": "by_operator"})
NOT_SPAWNED = ("process-error", {"reason": "spawn_failed"})


def told(*history: tuple[str, dict[str, Any]], about: Subject = WEB, track: Track | None = None) -> list[str]:
    """Return what a history is told as: `STARTING<STOPPED tries:0`."""
    track = track or Track()
    lines = []
    for kind, data in history:
        track, some = tell(track, about, kind, data)
        for one in some:
            head, _, rest = one.payload.partition(" from_state:")
            assert head == f"processname:{about.name} groupname:{about.group}"
            lines.append(f"{one.type.removeprefix('PROCESS_STATE_')}<{rest}")
    return lines


def test_a_start_a_crash_and_a_start() -> None:
    assert told(STARTING, STARTED, CRASH, BACKOFF, ("restarting", {}), ("starting", {"pid": 8}), STARTED) == [
        "STARTING<STOPPED tries:0",
        "RUNNING<STARTING pid:7",
        "EXITED<RUNNING expected:0 pid:7",
        "STARTING<EXITED tries:0",
        "RUNNING<STARTING pid:8",
    ]


def test_starts_that_fail_until_it_is_given_up() -> None:
    assert told(STARTING, CRASH, BACKOFF, STARTING, CRASH, GAVE_UP) == [
        "STARTING<STOPPED tries:0",
        "BACKOFF<STARTING tries:1",
        "STARTING<BACKOFF tries:1",
        "BACKOFF<STARTING tries:2",
        "FATAL<BACKOFF",
    ]


def test_a_stop_tells_the_pid_twice() -> None:
    assert told(STARTING, STARTED, STOPPING, GOOD_END, STOPPED)[2:] == [
        "STOPPING<RUNNING pid:7",
        "STOPPED<STOPPING pid:7",
    ]


def test_a_stop_while_it_waits_for_its_next_start() -> None:
    assert told(STARTING, CRASH, BACKOFF, STOPPED)[2:] == ["STOPPED<BACKOFF pid:0"]


def test_a_stop_of_what_has_ended_is_no_news() -> None:
    assert told(STARTING, STARTED, CRASH, STOPPED)[3:] == []


def test_a_sick_service_that_is_restarted_was_stopped() -> None:
    assert told(STARTING, STARTED, ("unhealthy", {}), STOPPING, CRASH, ("backoff", {"reason": "liveness_failed"}))[
        2:
    ] == ["STOPPING<RUNNING pid:7", "STOPPED<STOPPING pid:7"]


def test_a_start_that_takes_too_long_failed() -> None:
    late = ("backoff", {"reason": "start_timeout"})
    assert told(STARTING, STOPPING, CRASH, late, STARTING)[1:] == [
        "STOPPING<STARTING pid:7",
        "STOPPED<STOPPING pid:7",
        "BACKOFF<STOPPED tries:1",
        "STARTING<BACKOFF tries:1",
    ]


def test_what_cannot_be_spawned_was_tried() -> None:
    assert told(NOT_SPAWNED, BACKOFF, NOT_SPAWNED, ("failed", {"reason": "command_not_found"})) == [
        "STARTING<STOPPED tries:0",
        "BACKOFF<STARTING tries:1",
        "STARTING<BACKOFF tries:1",
        "BACKOFF<STARTING tries:2",
        "FATAL<BACKOFF",
    ]


def test_a_port_that_is_taken_makes_a_start_fail() -> None:
    taken = ("port-conflict", {"reason": "port_taken"})
    assert told(taken, ("failed", {"reason": "port_taken"})) == [
        "STARTING<STOPPED tries:0",
        "BACKOFF<STARTING tries:1",
        "FATAL<BACKOFF",
    ]


def test_a_start_tried_again_at_once_was_one_that_failed() -> None:
    assert told(STARTING, CRASH, ("restarting", {"reason": "exited"}))[1:] == ["BACKOFF<STARTING tries:1"]


def test_one_given_up_after_crashes_is_fatal() -> None:
    assert told(STARTING, STARTED, CRASH, GAVE_UP)[2:] == ["EXITED<RUNNING expected:0 pid:7", "FATAL<EXITED"]


def test_one_that_is_not_to_be_started_again_has_only_exited() -> None:
    assert told(STARTING, STARTED, CRASH, ("failed", {"reason": "exited"}))[2:] == ["EXITED<RUNNING expected:0 pid:7"]
    assert told(STARTING, CRASH, ("failed", {"reason": "exited"}))[1:] == ["EXITED<STARTING expected:0 pid:7"]


def test_a_service_that_is_done_before_it_is_ready_has_exited_as_expected() -> None:
    assert told(STARTING, GOOD_END, ("completed", {}))[1:] == ["EXITED<STARTING expected:1 pid:7"]


def test_a_failed_dependency_is_fatal() -> None:
    assert told(("waiting", {}), ("failed", {"reason": "dependency_failed"})) == ["FATAL<STOPPED"]
    assert told(("failed", {})) == ["FATAL<STOPPED"]


def test_what_is_fatal_is_told_once() -> None:
    assert told(GAVE_UP, GAVE_UP) == ["FATAL<STOPPED"]


def test_a_task_runs_as_soon_as_it_begins() -> None:
    assert told(STARTING, GOOD_END, ("completed", {}), about=JOB) == [
        "STARTING<STOPPED tries:0",
        "RUNNING<STARTING pid:7",
        "EXITED<RUNNING expected:1 pid:7",
    ]


def test_an_end_is_expected_when_the_manifest_says_so() -> None:
    about = Subject("a", "a", success=frozenset({3}))
    assert told(STARTING, STARTED, CRASH, about=about)[2] == "EXITED<RUNNING expected:1 pid:7"


def test_a_death_by_a_signal_is_not_expected() -> None:
    killed = ("process-exit", {"exit_code": None, "exit_signal": 9})
    assert told(STARTING, STARTED, killed)[2] == "EXITED<RUNNING expected:0 pid:7"


def test_getting_well_again_is_no_news() -> None:
    assert told(STARTING, STARTED, ("unhealthy", {}), ("healthy", {}), ("warning", {}))[2:] == []


def test_who_is_attached_to_runs_and_is_let_go() -> None:
    assert told(STARTED, STOPPED) == ["RUNNING<STOPPED pid:0", "STOPPED<RUNNING pid:0"]


def test_an_adoption_is_no_news_and_tells_the_pid() -> None:
    running = Track(ProcessState.RUNNING, 5)
    assert told(("adopted", {"pid": 7, "state": "ready"}), CRASH, track=running) == ["EXITED<RUNNING expected:0 pid:7"]


def test_without_a_record_what_is_true_at_the_adoption_counts() -> None:
    assert told(("adopted", {"pid": 7, "state": "ready"}), CRASH) == ["EXITED<RUNNING expected:0 pid:7"]
    assert told(("adopted", {"pid": 7, "state": "starting"}), GOOD_END, about=JOB)[0].startswith("EXITED<RUNNING")


def test_every_state_but_unknown_is_told_with_its_fields() -> None:
    reached = {state for moves in MOVES.values() for some in moves.values() for state in some}
    assert reached == set(EXTRA) == set(ProcessState) - {ProcessState.UNKNOWN}
    assert all(f"PROCESS_STATE_{state.name}" in PARENTS for state in reached)


@pytest.mark.parametrize("moment", MOVES)
def test_no_move_leads_to_where_it_began(moment: str) -> None:
    assert all(state is not then[0] for state, then in MOVES[moment].items())


def test_the_subject_of_a_replica_has_the_services_name_as_its_group() -> None:
    assert subject_of(ServiceSpec("w-1", replica_of="w")) == Subject("w-1", "w")
    assert subject_of(ServiceSpec("t", kind=Kind.TASK)).task


def test_an_external_service_ends_as_its_own_process_ends_well() -> None:
    identify, spawned = Probe(TcpProbe("h", 1)), ServiceSpec("x", success_exit_codes=frozenset({4}))
    assert subject_of(ServiceSpec("x", external=External(identify, (), spawned))).success == {4}
    assert subject_of(ServiceSpec("x", external=External(identify, (), None))).success == {0}


def test_groups_that_come_and_go_are_told() -> None:
    assert regrouped(("a", "b"), ("b", "c")) == (
        Told("PROCESS_GROUP_REMOVED", "groupname:a\n"),
        Told("PROCESS_GROUP_ADDED", "groupname:c\n"),
    )


def test_the_clock_ticks_at_the_multiples_of_each_period() -> None:
    last, first = ticks({}, 3598.0)
    assert first == ()
    last, some = ticks(last, 3600.2)
    assert some == (Told("TICK_5", "when:3600"), Told("TICK_60", "when:3600"), Told("TICK_3600", "when:3600"))
    assert ticks(last, 3604.9)[1] == ()


def test_ticks_that_nobody_saw_are_told_once() -> None:
    last, _ = ticks({}, 0.0)
    assert ticks(last, 59.0)[1] == (Told("TICK_5", "when:55"),)


def test_the_supervisors_own_events_have_no_payload() -> None:
    assert BEGUN.payload == ENDING.payload == ""
    assert {BEGUN.type, ENDING.type} <= PARENTS.keys()
