"""A change on disk restarts who watches it: gracefully, for nothing, in every state, and not for ever."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.model import RestartPolicy
from mamctl.core.manifest.watching import Watch
from mamctl.core.outcome import is_idle, is_over
from mamctl.core.rerun import HASTE, MOST
from tests.core.history import History, play
from tests.core.stacks import external, scheduled, service, stack, task

WATCHES = {"watch": Watch(("/m",))}
APP = stack(service("app", **WATCHES))
STARTED = """
    up app       -> app starting | spawn app
    runs app     -> app ready
"""
RUNNING = STARTED + "wait 60 ->\n"
ONCE = """
    touch app    -> app stopping/changed_on_disk | TERM app
    stops app    -> app starting                 | clean app, spawn app
    runs app     -> app ready
"""
GIVEN_UP = """
    up app       -> app starting | spawn app
    missing app  -> app failed
"""


def test_a_change_restarts_a_running_service_and_is_no_automatic_restart():
    history = play(APP, RUNNING + ONCE)
    assert history["app"].restarts == 0
    assert history["app"].generation == 2


def test_the_restart_says_which_file_changed():
    history = play(APP, RUNNING + ONCE)
    (said,) = [said for said in history.hands.said if said.kind == "restarting"]
    assert (said.data["reason"], said.data["detail"]) == ("changed_on_disk", "app.py changed")


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("", "touch app ->"),
        (RUNNING + "stop app -> app stopping | TERM app \n stops app -> app stopped | clean app", "touch app ->"),
        (RUNNING + "stop app -> app stopping | TERM app", "touch app -> \n stops app -> app stopped | clean app"),
        ("up app -> app starting | spawn app", "touch app -> app stopping \n spawned app -> | TERM app"),
        ("up app -> app starting | spawn app \n spawned app ->", "touch app -> app stopping | TERM app"),
        (GIVEN_UP, "touch app -> app starting | spawn app"),
        (RUNNING + "ends app 1 -> app backoff | clean app", "touch app -> app starting/None | spawn app"),
        (RUNNING + "exit app 1 -> app stopping | clean app", "touch app -> \n empty app -> app starting | spawn app"),
        (RUNNING + "exit app 0 -> app stopping | clean app", "touch app -> \n empty app -> app starting | spawn app"),
        (RUNNING + "ends app 0 -> app completed | clean app", "touch app -> app starting | spawn app"),
        (RUNNING + "bad app -> \n bad app -> \n bad app -> app unhealthy", "touch app -> app stopping | TERM app"),
        (RUNNING + "touch app -> app stopping | TERM app", "touch app -> "),
        (RUNNING + "down -> app stopping | TERM app", "touch app -> \n stops app -> app stopped | clean app"),
    ],
    ids=[
        "never started", "stopped", "being stopped", "spawning", "starting", "failed", "backoff", "crashing",
        "completing", "completed", "unhealthy", "restarting", "down",
    ],
)  # fmt: skip
def test_a_change_in_every_state(before, then):
    play(APP, before + "\n" + then)


def test_a_change_forgets_the_budget_that_was_spent():
    crash = "spawned app ->\n ends app 1 -> app backoff | clean app\n"
    history = play(APP, "up app -> app starting | spawn app\n" + crash)
    assert history["app"].budget.attempts
    history.play("touch app -> app starting/None | spawn app")
    assert not history["app"].budget.attempts


def test_who_does_not_watch_is_left_alone_and_so_is_nobody():
    history = play(stack(service("app")), STARTED + "touch app ->")
    history.play("touch nobody ->")


def test_what_waits_for_a_dependency_goes_on_waiting():
    play(
        stack(service("db"), service("app", "db", **WATCHES)),
        """
        up app       -> db starting, app waiting | spawn db
        touch app    ->
        missing db   -> db failed, app failed/dependency_failed
        touch app    ->
        """,
    )


def test_a_task_runs_again():
    play(
        stack(task("build", **WATCHES)),
        """
        up build      -> build starting  | spawn build
        spawned build ->
        ends build 0  -> build completed | clean build
        wait 60       ->
        touch build   -> build starting  | spawn build
        """,
    )


def test_a_task_with_a_schedule_runs_now_and_at_its_time():
    play(
        stack(scheduled("tick", **WATCHES)),
        """
        up tick          -> tick waiting/scheduled | follow tick
        planned tick 100 ->
        touch tick       -> tick starting/None     | spawn tick
        spawned tick     ->
        ends tick 0      -> tick completed         | clean tick
        due tick         -> tick starting          | spawn tick
        """,
    )


def test_a_dependant_that_restarts_with_it_stops_before_it():
    play(
        stack(service("db", **WATCHES), service("app", {"db": "ready restart"})),
        """
        up app     -> db starting, app waiting  | spawn db
        runs db    -> db ready, app starting    | spawn app
        runs app   -> app ready
        wait 60    ->
        touch db   -> db stopping, app stopping | TERM app
        stops app  -> app waiting               | clean app, TERM db
        stops db   -> db starting               | clean db, spawn db
        """,
    )


def test_two_that_change_at_once_stop_in_order():
    play(
        stack(service("db", **WATCHES), service("app", "db", **WATCHES)),
        """
        up app        -> db starting, app waiting  | spawn db
        runs db       -> db ready, app starting    | spawn app
        runs app      -> app ready
        wait 60       ->
        touch db app  -> db stopping, app stopping | TERM app
        stops app     -> app waiting               | clean app, TERM db
        stops db      -> db starting               | clean db, spawn db
        runs db       -> db ready, app starting    | spawn app
        """,
    )


def test_an_external_service_restarts_only_when_it_is_ours():
    history = play(
        stack(external("lm", spawned=service("lm", **WATCHES))),
        """
        up lm       -> lm starting | look lm
        found lm    -> lm ready
        touch lm    ->
        """,
    )
    assert history["lm"].attached


def test_nothing_is_started_again_once_an_essential_service_ended_everything():
    play(
        stack(service("app", essential=True, **WATCHES), service("web")),
        """
        up app web   -> app starting, web starting | spawn app, spawn web
        runs web     -> web ready
        missing app  -> app failed, web stopping   | TERM web
        touch app    ->
        """,
    )


# The end of a run ---------------------------------------------------------------------------------------------------


def over(history: History, *, ending: bool = False) -> bool:
    return is_over(history.hands.services, ending=ending)


def test_a_run_is_not_over_while_a_change_would_start_what_failed():
    history = play(APP, GIVEN_UP)
    assert is_idle(history.hands.services)
    assert not over(history)
    assert over(history, ending=True)
    (said,) = [said for said in history.hands.said if said.kind == "failed"]
    assert said.data["watched"] is True


def test_a_run_is_over_when_nobody_watches_or_who_does_was_stopped():
    failed = "up app -> app starting | spawn app \n missing app -> app failed"
    assert over(play(stack(service("app")), failed))
    assert over(play(APP, RUNNING + "down -> app stopping | TERM app \n stops app -> app stopped | clean app"))


def test_giving_up_says_that_a_change_mends_it():
    app = stack(service("app", restart=RestartPolicy(max_attempts=0), **WATCHES))
    history = play(app, STARTED + "ends app 1 -> app failed | clean app")
    (said,) = [said for said in history.hands.said if said.kind == "failed"]
    assert (said.data["reason"], said.data["watched"]) == ("gave_up", True)


# Who writes what it watches -------------------------------------------------------------------------------------------


def run_into_the_guard(history: History) -> None:
    for _ in range(MOST):
        history.play(ONCE)
    assert history.said("warning") == []


def test_changes_that_come_at_once_every_time_are_heard_no_more_and_it_is_said_how_to_go_on():
    history = play(APP, STARTED)
    run_into_the_guard(history)
    history.play("touch app -> \n wait 600 -> \n touch app ->")
    (said,) = [said for said in history.hands.said if said.kind == "warning"]
    assert "`mamctl restart app` watches again" in str(said.data["detail"])
    assert "app.py changed" in str(said.data["detail"])


def test_a_restart_by_the_operator_watches_again():
    history = play(APP, STARTED)
    run_into_the_guard(history)
    history.play(
        """
        touch app    ->
        restart app  -> app stopping | TERM app
        stops app    -> app starting | clean app, spawn app
        runs app     -> app ready
        """
        + ONCE
    )


def test_a_pause_of_the_changes_begins_the_count_anew():
    history = play(APP, STARTED)
    run_into_the_guard(history)
    history.play(f"wait {HASTE} ->\n" + ONCE)
    run_into_the_guard(history)


def test_a_task_that_writes_what_it_watches_ends_in_the_guard():
    history = play(stack(task("build", **WATCHES)), "up build -> build starting | spawn build")
    for _ in range(MOST):
        history.play(
            """
            spawned build ->
            wait 30       ->
            ends build 0  -> build completed | clean build
            touch build   -> build starting  | spawn build
            """
        )
    history.play("spawned build -> \n ends build 0 -> build completed | clean build \n touch build ->")
    assert history.said("warning") == [("build", "warning")]


def test_what_fails_at_once_and_writes_what_it_watches_ends_in_the_guard():
    history = play(APP, GIVEN_UP)
    for _ in range(MOST):
        history.play("touch app -> app starting | spawn app \n missing app -> app failed")
    history.play("touch app ->")


def test_the_next_supervisor_goes_on_counting():
    history = play(APP, STARTED)
    run_into_the_guard(history)
    history.play("reborn -> \n touch app ->")
    assert history.said("warning") == [("app", "warning")]
