"""The restart budget alone: delays, jitter, cap, window, and when it is spent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.budget import REMEMBERED, Budget, delay_before
from mamctl.core.manifest.model import RestartPolicy

QUICK = settings(max_examples=50, derandomize=True, deadline=None, database=None)
PLAIN = RestartPolicy(jitter=0)


def delays(policy: RestartPolicy, times: list[float]) -> list[float | None]:
    """Spend an attempt at each time, in one unready streak."""
    budget, found = Budget(), []
    for at in times:
        budget, delay = budget.spend(policy, at, 0.5)
        found.append(delay)
    return found


def test_delays_double_and_then_it_is_spent():
    assert delays(PLAIN, [0, 1, 2, 3, 4, 5, 6]) == [0.5, 1, 2, 4, 8, None, None]


def test_the_delay_has_a_cap():
    policy = RestartPolicy(delay=10, factor=3, max_delay=40, max_attempts=None)
    assert delays(policy, [0, 0, 0, 0]) == [10, 30, 40, 40]


def test_a_first_delay_beyond_the_cap_is_the_cap():
    assert delay_before(RestartPolicy(delay=100, max_delay=5), 0, 0.5) == 5


def test_a_factor_of_1_is_a_constant_delay():
    assert delays(RestartPolicy(factor=1, max_attempts=3), [0, 0, 0, 0]) == [0.5, 0.5, 0.5, None]


@pytest.mark.parametrize(("luck", "delay"), [(0, 1.8), (0.25, 1.9), (0.5, 2.0), (1, 2.2)])
def test_jitter_is_a_part_of_the_delay_up_and_down(luck, delay):
    assert delay_before(RestartPolicy(delay=2, jitter=0.1), 0, luck) == pytest.approx(delay)


@QUICK
@given(
    st.builds(
        RestartPolicy,
        delay=st.floats(0, 3600),
        factor=st.floats(1, 1000),
        max_delay=st.floats(0, 3600),
        jitter=st.floats(0, 1),
    ),
    st.integers(0, 10**9),
    st.floats(0, 1),
)
def test_every_delay_is_within_the_jitter_of_the_cap(policy, attempts, luck):
    assert 0 <= delay_before(policy, attempts, luck) <= policy.max_delay * (1 + policy.jitter) * (1 + 1e-9)


def test_within_an_unready_streak_nothing_ages_out():
    assert delays(RestartPolicy(max_attempts=2, window=1), [0, 1000, 2000]) == [0.5, 1, None]


def test_attempts_before_the_last_ready_time_age_out():
    policy = RestartPolicy(max_attempts=2, window=100)
    budget, _ = Budget().spend(policy, 0, 0.5)
    budget, _ = budget.became_ready().spend(policy, 50, 0.5)
    assert budget == Budget((0, 50), 1)
    budget, delay = budget.spend(policy, 100, 0.5)
    assert (budget, delay) == (Budget((50, 100), 0), 1)


def test_an_attempt_at_the_windows_edge_has_aged_out():
    policy = RestartPolicy(max_attempts=1, window=100)
    budget = Budget((0.0,), 1)
    assert budget.spend(policy, 99.9, 0.5)[1] is None
    assert budget.spend(policy, 100, 0.5)[1] == 0.5


def test_a_spent_budget_keeps_its_attempts_to_be_told():
    policy = RestartPolicy(max_attempts=2)
    budget = Budget((1.0, 2.0))
    assert budget.spend(policy, 3, 0.5) == (budget, None)


def test_an_endless_policy_remembers_a_bounded_number_of_attempts():
    policy = RestartPolicy(max_attempts=None, max_delay=30)
    budget = Budget()
    for at in range(1000):
        budget, delay = budget.became_ready().spend(policy, at, 0.5)
    assert len(budget.attempts) == REMEMBERED
    assert budget.settled == REMEMBERED - 1
    assert delay == 30
