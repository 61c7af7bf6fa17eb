"""Which of supervisord's states each of ours is told as."""

from __future__ import annotations

import pytest

from mamctl.core.states import Reason, State
from mamctl.core.supervisord_states import BECAUSE, TOLD_AS, ProcessState, process_state


def test_each_of_our_states_is_told_as_one_of_theirs() -> None:
    assert set(TOLD_AS) == set(State)


def test_the_numbers_are_those_of_supervisord() -> None:
    assert {state.name: int(state) for state in ProcessState} == {
        "STOPPED": 0, "STARTING": 10, "RUNNING": 20, "BACKOFF": 30,
        "STOPPING": 40, "EXITED": 100, "FATAL": 200, "UNKNOWN": 1000,
    }  # fmt: skip


@pytest.mark.parametrize("state", State)
def test_without_a_reason_the_table_says_all(state: State) -> None:
    assert process_state(state) is TOLD_AS[state]


@pytest.mark.parametrize(("state", "reason"), BECAUSE)
def test_a_reason_can_make_it_another_state(state: State, reason: Reason) -> None:
    assert process_state(state, reason) is not TOLD_AS[state]
    assert process_state(state, Reason.BY_OPERATOR) is TOLD_AS[state]


def test_a_task_runs_from_its_beginning() -> None:
    assert process_state(State.STARTING, task=True) is ProcessState.RUNNING
    assert process_state(State.COMPLETED, task=True) is ProcessState.EXITED
