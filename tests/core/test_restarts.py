"""Restart by itself: policies, backoff, the budget, giving up and starting afresh."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.model import RestartPolicy
from tests.core.history import History, play
from tests.core.stacks import ALWAYS, AT_ONCE, NEVER, service, stack, task

APP = stack(service("app"))
RUNNING = """
    up app       -> app starting | spawn app
    runs app     -> app ready
"""
ON_FAILURE = RestartPolicy()


@pytest.mark.parametrize(
    ("kind", "policy", "ending", "state"),
    [
        (service, ON_FAILURE, "ends app 0", "completed"),
        (service, ON_FAILURE, "ends app 1", "backoff/exited"),
        (service, ON_FAILURE, "ends app 78", "failed/config_error"),
        (service, ALWAYS, "ends app 0", "backoff/exited"),
        (service, ALWAYS, "ends app 1", "backoff/exited"),
        (service, ALWAYS, "ends app 78", "failed/config_error"),
        (service, NEVER, "ends app 0", "completed"),
        (service, NEVER, "ends app 1", "failed/exited"),
        (service, NEVER, "ends app 78", "failed/config_error"),
        (task, ON_FAILURE, "ends app 0", "completed"),
        (task, ON_FAILURE, "ends app 1", "backoff/exited"),
        (task, ALWAYS, "ends app 0", "backoff/exited"),
        (task, NEVER, "ends app 0", "completed"),
        (task, NEVER, "ends app 1", "failed/exited"),
    ],
)
def test_what_follows_an_exit_under_each_policy(kind, policy, ending, state):
    play(
        stack(kind("app", restart=policy)),
        f"""
        up app      -> app starting | spawn app
        spawned app ->
        {ending}    -> app {state}  | clean app
        """,
    )


def test_a_signal_that_we_did_not_send_is_a_crash():
    history = play(APP, RUNNING + "killed app 11 -> app stopping/killed | clean app \n empty app -> app backoff/killed")
    assert history["app"].detail == "was killed by signal 11 (SEGV)"
    assert (history["app"].exit_code, history["app"].exit_signal) == (None, 11)


def test_the_exit_codes_that_mean_success_are_those_of_the_manifest():
    play(
        stack(service("app", success_exit_codes=frozenset({0, 143}))),
        RUNNING + "ends app 143 -> app completed | clean app",
    )


def test_a_restart_waits_until_nothing_is_left_of_the_old_process():
    play(
        stack(service("app", restart=AT_ONCE)),
        RUNNING
        + """
        exit app 1  -> app stopping | clean app
        wait 1000   ->
        empty app   -> app starting | spawn app
        """,
    )


def test_a_restart_counts_and_says_so():
    history = play(
        APP,
        RUNNING
        + """
        ends app 1  -> app backoff  | clean app
        wait 0.5    -> app starting | spawn app
        """,
    )
    assert history["app"].restarts == 1
    assert history.said("backoff", "restarting") == [("app", "backoff"), ("app", "restarting")]


def test_a_service_that_always_dies_is_tried_after_growing_delays_and_then_given_up():
    history = play(
        APP,
        """
        up app       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 0.5
        wait 0.5     -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 1
        wait 1       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 2
        wait 2       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 4
        wait 4       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 8
        wait 8       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app failed/gave_up | clean app
        wait 100000  ->
        """,
    )
    assert history["app"].restarts == 5
    assert history["app"].detail == "ended with code 1; gave up after 5 restarts"


def test_the_next_attempt_is_told():
    history = play(APP, RUNNING + "wait 3 -> \n ends app 1 -> app backoff | clean app")
    assert history["app"].next_attempt_at == 3.6 - 0.1
    assert history.hands.said[-1].data["next_attempt_in_s"] == 0.5
    assert history.hands.said[-1].data["attempt"] == 1


def test_delay_0_starts_at_once():
    history = play(
        stack(service("app", restart=AT_ONCE)),
        RUNNING + "ends app 1 -> app starting/None | clean app, spawn app",
    )
    assert history["app"].restarts == 1
    restarting = next(said for said in history.hands.said if said.kind == "restarting")
    assert restarting.data["detail"] == "ended with code 1"


def test_max_attempts_0_gives_up_at_the_first_crash():
    play(
        stack(service("app", restart=RestartPolicy(max_attempts=0))),
        RUNNING + "ends app 1 -> app failed/gave_up | clean app",
    )


def test_max_attempts_null_never_gives_up():
    history = History(stack(service("app", restart=RestartPolicy(max_attempts=None, max_delay=1))))
    history.happen("up app")
    for _ in range(200):
        history.play("spawned app -> \n ends app 1 -> app backoff | clean app \n wait 1 -> app starting | spawn app")
    assert history["app"].restarts == 200


def test_liveness_spends_the_same_budget_as_crashes():
    history = History(stack(service("app", live=service("x").ready, restart=RestartPolicy(max_attempts=2, delay=0))))
    history.play(
        RUNNING
        + """
        dead app   ->
        dead app   ->
        dead app   -> app stopping/liveness_failed | TERM app
        stops app  -> app starting                 | clean app, spawn app
        runs app   -> app ready
        ends app 1 -> app starting                 | clean app, spawn app
        runs app   -> app ready
        dead app   ->
        dead app   ->
        dead app   -> app stopping                 | TERM app
        stops app  -> app failed/gave_up           | clean app
        """
    )
    assert history["app"].detail == "the live probe failed 3 times: answered 503; gave up after 2 restarts"


def test_liveness_under_the_policy_never_is_a_failure():
    play(
        stack(service("app", live=service("x").ready, restart=NEVER)),
        RUNNING
        + """
        dead app   ->
        dead app   ->
        dead app   -> app stopping/liveness_failed | TERM app
        stops app  -> app failed/liveness_failed   | clean app
        """,
    )


# The budget ---------------------------------------------------------------------------------------------------------

ONE_CRASH = RUNNING + """
    ends app 1  -> app backoff   | clean app
    wait 0.5    -> app starting  | spawn app
    runs app    -> app ready
"""  # fmt: skip


def test_reset_after_of_ready_time_clears_the_budget():
    history = play(APP, ONE_CRASH + "wait 59 ->")
    assert len(history["app"].budget.attempts) == 1
    history.play("wait 1 -> \n ends app 1 -> app backoff | clean app, timer app backoff 0.5")


def test_a_service_that_dies_before_reset_after_goes_on_where_it_was():
    play(APP, ONE_CRASH + "wait 59 -> \n ends app 1 -> app backoff | clean app, timer app backoff 1")


def test_unhealthy_time_does_not_count_as_ready_time():
    play(
        APP,
        ONE_CRASH
        + """
        wait 40     ->
        bad app     ->
        bad app     ->
        bad app     -> app unhealthy
        wait 40     ->
        ok app      -> app ready
        wait 40     ->
        ends app 1  -> app backoff | clean app, timer app backoff 1
        """,
    )


def test_starting_time_does_not_count_as_ready_time():
    play(
        stack(service("app", start_timeout=None)),
        """
        up app       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app
        wait 0.5     -> app starting | spawn app
        spawned app  ->
        wait 1000    ->
        ends app 1   -> app backoff  | clean app, timer app backoff 1
        """,
    )


def test_within_an_unready_streak_no_attempt_ages_out_of_the_window():
    history = History(stack(service("app", start_timeout=None, restart=RestartPolicy(max_attempts=3, window=10))))
    history.happen("up app")
    for _ in range(3):
        history.play(
            """
            spawned app ->
            wait 1000   ->
            ends app 1  -> app backoff  | clean app
            wait 9      -> app starting | spawn app
            """
        )
    history.play("spawned app -> \n wait 1000 -> \n ends app 1 -> app failed/gave_up | clean app")


def test_attempts_before_the_last_ready_time_age_out_of_the_window():
    history = History(stack(service("app", restart=RestartPolicy(max_attempts=2, window=10, reset_after=1000))))
    history.play("up app -> app starting | spawn app \n runs app -> app ready")
    for _ in range(10):
        history.play(
            """
            ends app 1 -> app backoff  | clean app, timer app backoff 0.5
            wait 0.5   -> app starting | spawn app
            runs app   -> app ready
            wait 11    ->
            """
        )


def test_the_operator_clears_the_budget():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 0.5
        wait 0.5     -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 1
        up app       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 0.5
        restart app  -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app, timer app backoff 0.5
        """,
    )


def test_a_spawn_that_fails_again_and_again_is_given_up_too():
    history = play(
        stack(service("app", restart=RestartPolicy(max_attempts=1))),
        """
        up app     -> app starting | spawn app
        taken app  -> app backoff  | timer app backoff 0.5
        wait 0.5   -> app starting | spawn app
        taken app  -> app failed/gave_up
        """,
    )
    assert str(history["app"].detail).endswith("; gave up after 1 restart")
