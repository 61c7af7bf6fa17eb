"""`up` in every state: what the operator says counts, at once where it can."""

from __future__ import annotations

from tests.core.history import play
from tests.core.stacks import service, stack, task

APP = stack(service("app"))
DB_APP = stack(service("db"), service("app", "db"))
CRASHED = """
    up app       -> app starting | spawn app
    spawned app  ->
    ends app 1   -> app backoff  | clean app
"""
RUNNING = """
    up app       -> app starting | spawn app
    runs app     -> app ready
"""


def test_up_of_what_runs_changes_nothing():
    play(APP, RUNNING + "up app ->")


def test_up_while_starting_changes_nothing():
    play(APP, "up app -> app starting | spawn app \n up app ->")


def test_up_while_waiting_changes_nothing():
    play(
        DB_APP,
        """
        up app -> db starting, app waiting | spawn db
        up app ->
        """,
    )


def test_up_in_backoff_tries_at_once():
    history = play(
        APP,
        CRASHED
        + """
        up app    -> app starting/None | spawn app
        wait 0.5  ->
        runs app  -> app ready
        """,
    )
    assert history["app"].restarts == 0


def test_up_of_a_failed_service_tries_at_once():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        missing app  -> app failed
        up app       -> app starting/None | spawn app
        """,
    )


def test_up_while_stopping_starts_it_again_once_it_is_empty():
    play(
        APP,
        RUNNING
        + """
        stop app     -> app stopping | TERM app
        up app       ->
        stops app    -> app starting | clean app, spawn app
        """,
    )


def test_up_while_a_crash_is_cleaned_up_after_keeps_the_delay():
    play(
        APP,
        RUNNING
        + """
        exit app 1   -> app stopping | clean app
        up app       ->
        empty app    -> app backoff
        """,
    )


def test_up_while_a_failure_is_cleaned_up_after_starts_it_again():
    play(
        APP,
        RUNNING
        + """
        exit app 78  -> app stopping/config_error | clean app
        up app       ->
        empty app    -> app starting | spawn app
        """,
    )


def test_up_after_stop_starts_the_dependencies_that_were_stopped_too():
    play(
        DB_APP,
        """
        up app    -> db starting, app waiting | spawn db
        runs db   -> db ready, app starting   | spawn app
        runs app  -> app ready
        down      -> db stopping, app stopping | TERM app
        stops app -> app stopped | clean app, TERM db
        stops db  -> db stopped  | clean db
        up app    -> db starting, app waiting | spawn db
        """,
    )


def test_up_of_a_completed_service_starts_it_again():
    play(
        APP,
        RUNNING
        + """
        ends app 0 -> app completed     | clean app
        up app     -> app starting/None | spawn app
        """,
    )


def test_up_while_a_completed_service_is_cleaned_up_after_starts_it_again():
    play(
        APP,
        RUNNING
        + """
        exit app 0 -> app stopping | clean app
        up app     ->
        empty app  -> app starting | spawn app
        """,
    )


COMPLETED = """
    up migrate       -> migrate starting  | spawn migrate
    spawned migrate  ->
    ends migrate 0   -> migrate completed | clean migrate
"""


def test_up_does_not_run_a_completed_task_again():
    play(stack(task("migrate")), COMPLETED + "up migrate ->")


def test_up_while_a_completed_task_is_cleaned_up_after_does_not_run_it_again():
    play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->
        exit migrate 0   -> migrate stopping | clean migrate
        up migrate       ->
        empty migrate    -> migrate completed
        """,
    )


def test_up_runs_a_task_again_that_failed():
    play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->
        ends migrate 1   -> migrate failed/exited | clean migrate
        up migrate       -> migrate starting | spawn migrate
        """,
    )


def test_one_that_is_wanted_alone_starts_without_its_dependencies_and_restarts_without_them():
    play(
        DB_APP,
        """
        up-alone app -> app starting | spawn app
        runs app     -> app ready
        ends app 1   -> app backoff  | clean app
        wait 5       -> app starting | spawn app
        """,
    )


def test_one_that_was_wanted_alone_waits_for_its_dependencies_once_it_is_wanted_with_them():
    play(
        DB_APP,
        """
        up-alone app   -> app starting | spawn app
        spawned app    ->
        ends app 1     -> app backoff  | clean app
        up app         -> db starting, app waiting | spawn db
        runs db        -> db ready, app starting   | spawn app
        """,
    )
