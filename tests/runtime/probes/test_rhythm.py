import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime.probes import next_delay


@pytest.mark.parametrize(
    ("elapsed", "delay"), [(0, 0.005), (0.02, 0.005), (0.1, 0.01), (0.3, 0.03), (0.5, 0.05), (60, 0.05), (-1, 0.005)]
)
def test_a_tenth_of_the_time_waited_so_far_between_5_and_50_ms(elapsed, delay):
    assert next_delay(elapsed) == pytest.approx(delay)


@settings(deadline=None)
@given(st.floats(0.05, 30))
def test_readiness_is_seen_at_most_a_tenth_late(ready_at):
    now, questions = 0.0, 0
    while now < ready_at:
        now += next_delay(now)
        questions += 1
    assert now - ready_at <= max(0.005, 0.1 * ready_at) + 1e-9
    assert questions <= 30 + ready_at / 0.05
