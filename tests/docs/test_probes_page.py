"""docs/probes-and-restarts.md against the core."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mamctl.core.budget import Budget, delay_before
from mamctl.core.events import Said
from mamctl.core.exits import verdict
from mamctl.core.manifest.choices import Policy
from mamctl.core.manifest.model import RestartPolicy, ServiceSpec
from mamctl.core.notices import NOTHING_CAME
from mamctl.core.service import Then
from mamctl.core.states import EX_CONFIG, LIVED_SECONDS, Reason, State
from mamctl.runtime.hands import REAP_SECONDS
from mamctl.runtime.memory import SECONDS
from mamctl.runtime.notify.message import LARGEST, LONGEST_STATUS
from mamctl.runtime.probes.rhythm import LONGEST, SHORTEST
from mamctl.runtime.sweeper import LAST_WORD_SECONDS
from tests.docs.pages import code, fences, page, sections, tables

PAGE = page("probes-and-restarts.md")
SECTIONS = sections(PAGE)


def listed(section):
    return [code(next(iter(row.values())))[0] for row in tables(SECTIONS[section])[0]]


def test_the_states_are_all_there_in_their_order():
    assert listed("States") == [str(state) for state in State]


def test_the_drawing_shows_every_state():
    drawing = fences(SECTIONS["States"])[0].text
    assert [state for state in State if state not in drawing] == []


def test_every_reason_is_told():
    assert set(listed("Reasons")) == set(Reason)


def test_the_times_of_a_stop_and_of_counting_memory_are_the_codes():
    assert f"what is left of the grace, {LAST_WORD_SECONDS:g} s at least" in SECTIONS["Stopping"]
    assert f"at most {2 * REAP_SECONDS:g} s after the" in SECTIONS["Memory"]
    assert SECONDS == 1.0
    assert "once a second" in SECTIONS["Memory"]


def test_every_word_of_a_service_is_told():
    told = set(listed("Services that speak for themselves"))
    assert told >= {str(word) for word in Said}
    prose = SECTIONS["Services that speak for themselves"]
    assert f"more than {LARGEST} bytes" in prose
    assert f"{LONGEST_STATUS} letters" in prose
    assert NOTHING_CAME in prose


def test_the_delays_are_those_of_the_default_policy():
    rows = tables(SECTIONS["Restarts"])[1]
    policy = RestartPolicy()
    budget = Budget()
    for row in rows[:-1]:
        number = int(row["Restart"]) - 1
        low, middle, high = (delay_before(policy, number, luck) for luck in (0.0, 0.5, 1.0))
        assert (row["Waits"], row["With jitter"]) == (f"{middle:g} s", f"{low:g} to {high:g} s")
        budget, delay = budget.spend(policy, at=float(number), luck=0.5)
        assert delay == middle
    assert budget.spend(policy, at=9.0, luck=0.5)[1] is None
    assert f"`{Reason.GAVE_UP}`" in rows[-1]["Waits"]


def test_the_delays_without_a_limit_reach_the_longest():
    policy = replace(RestartPolicy(), max_attempts=None)
    for row in tables(SECTIONS["Restarts"])[2]:
        assert row["Waits"] == f"{delay_before(policy, int(row['Restart']) - 1, 0.5):g} s"


@pytest.mark.parametrize("policy", Policy)
def test_what_follows_an_exit_is_as_the_policies_table_says(policy):
    words = {Then.COMPLETE: "`completed`", Then.RETRY: "started again", Then.FAIL: "`failed`"}
    row = next(row for row in tables(SECTIONS["Restarts"])[0] if row["Policy"] == f"`{policy}`")
    spec = ServiceSpec("web", restart=RestartPolicy(policy=policy))
    told = [words[verdict(spec, exit_code, None).then] for exit_code in (0, 1)]
    assert [row["Exit with a success code"], row["Any other end"]] == told


def test_numbers_in_the_prose_are_the_codes():
    assert f"code {EX_CONFIG}" in SECTIONS["Restarts"]
    assert f"{LIVED_SECONDS * 1000:g} ms of life" in SECTIONS["Readiness and liveness"]
    assert f"after {SHORTEST * 1000:g} ms" in SECTIONS["Readiness and liveness"]
    assert f"every {LONGEST * 1000:g} ms" in SECTIONS["Readiness and liveness"]
