"""What probes' answers do: readiness gates and tells, liveness restarts."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.model import ExecProbe, Probe
from tests.core.history import play
from tests.core.stacks import LIVE, READY, service, stack

BOTH = stack(service("app", live=LIVE))
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""


def test_three_failures_in_a_row_make_it_unhealthy_and_one_success_ready_again():
    history = play(
        BOTH,
        RUNNING
        + """
        bad app  ->
        bad app  ->
        bad app  -> app unhealthy
        bad app  ->
        ok app   -> app ready
        bad app  ->
        """,
    )
    assert history.said("unhealthy", "healthy") == [("app", "unhealthy"), ("app", "healthy")]


def test_an_unhealthy_service_says_what_the_probe_saw_and_is_not_restarted():
    history = play(BOTH, RUNNING + "bad app -> \n bad app -> \n bad app -> app unhealthy \n wait 100000 ->")
    assert history["app"].detail == "answered 503"
    assert history["app"].ready_at is None


def test_a_success_between_makes_the_failures_begin_anew():
    play(
        BOTH, RUNNING + "bad app -> \n bad app -> \n ok app -> \n bad app -> \n bad app -> \n bad app -> app unhealthy"
    )


def test_three_failures_of_the_live_probe_in_a_row_restart_it():
    history = play(
        BOTH,
        RUNNING
        + """
        dead app   ->
        dead app   ->
        alive app  ->
        dead app   ->
        dead app   ->
        dead app   -> app stopping/liveness_failed | hush app, TERM app
        dead app   ->
        stops app  -> app backoff/liveness_failed  | clean app
        wait 0.5   -> app starting                 | spawn app
        """,
    )
    assert history["app"].restarts == 1


def test_a_service_that_ignores_the_stop_of_its_live_probe_is_killed():
    play(
        BOTH,
        RUNNING
        + """
        dead app      ->
        dead app      ->
        dead app      -> app stopping | TERM app
        wait 10       ->              | KILL app
        killed app 9  ->              | clean app
        empty app     -> app backoff/liveness_failed
        """,
    )


@pytest.mark.parametrize("failures", [1, 2])
def test_the_number_of_failures_is_that_of_the_manifest(failures):
    probe = Probe(ExecProbe(("p",)), failures=failures)
    bad = "bad app -> \n" * (failures - 1) + "bad app -> app unhealthy \n"
    dead = "dead app -> \n" * (failures - 1) + "dead app -> app stopping | TERM app"
    play(stack(service("app", ready=probe, live=probe)), RUNNING + bad + dead)


def test_the_counts_of_both_probes_are_kept_apart_over_unhealthy_and_back():
    play(
        BOTH,
        RUNNING
        + """
        dead app  ->
        dead app  ->
        bad app   ->
        bad app   ->
        bad app   -> app unhealthy
        ok app    -> app ready
        dead app  -> app stopping/liveness_failed | TERM app
        """,
    )


def test_liveness_is_asked_while_unhealthy_too():
    play(
        BOTH,
        RUNNING
        + """
        bad app   ->
        bad app   ->
        bad app   -> app unhealthy
        dead app  ->
        dead app  ->
        dead app  -> app stopping/liveness_failed | TERM app
        """,
    )


def test_a_service_without_a_ready_probe_may_have_a_live_one():
    play(
        stack(service("app", ready=None, live=LIVE)),
        """
        up app    -> app starting | spawn app
        runs app  -> app ready    | watch app live
        bad app   ->
        dead app  ->
        dead app  ->
        dead app  -> app stopping | TERM app
        """,
    )


def test_answers_after_the_exit_change_nothing():
    play(
        stack(service("app", ready=READY, live=LIVE)),
        RUNNING
        + """
        exit app 1  -> app stopping | hush app, clean app
        ok app      ->
        bad app     ->
        dead app    ->
        """,
    )
