"""`restart` in every state: a new incarnation, without a delay."""

from __future__ import annotations

import pytest

from tests.core.history import play
from tests.core.stacks import external, service, stack, task

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
COMPLETED = """
    up migrate       -> migrate starting  | spawn migrate
    spawned migrate  ->
    ends migrate 0   -> migrate completed | clean migrate
"""


def test_restart_runs_a_completed_task_again():
    play(
        stack(task("migrate")),
        COMPLETED + "restart migrate -> migrate starting | spawn migrate",
    )


def test_restart_while_a_completed_task_is_cleaned_up_after_runs_it_again():
    play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->
        exit migrate 0   -> migrate stopping | clean migrate
        restart migrate  ->
        empty migrate    -> migrate starting | spawn migrate
        """,
    )


def test_restart_stops_and_starts_without_a_delay():
    history = play(
        APP,
        RUNNING
        + """
        restart app -> app stopping/by_operator | TERM app
        stops app   -> app starting/None        | clean app, spawn app
        runs app    -> app ready
        """,
    )
    assert history["app"].restarts == 0
    assert history["app"].generation == 2


def test_restart_leaves_the_dependencies_alone_and_dependants_too():
    play(
        stack(service("db"), service("api", "db"), service("web", "api")),
        """
        up web       -> db starting, api waiting, web waiting | spawn db
        runs db      -> db ready, api starting  | spawn api
        runs api     -> api ready, web starting | spawn web
        runs web     -> web ready
        restart api  -> api stopping | TERM api
        stops api    -> api starting | clean api, spawn api
        """,
    )


def test_restart_of_a_stopped_service_starts_it_with_its_dependencies():
    play(DB_APP, "restart app -> db starting, app waiting | spawn db")


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("", "restart app -> app starting | spawn app"),
        (CRASHED, "restart app -> app starting/None | spawn app"),
        ("up app -> app starting | spawn app", "restart app -> app stopping"),
        ("up app -> app starting | spawn app \n spawned app ->", "restart app -> app stopping | TERM app"),
        ("up app -> app starting | spawn app \n missing app -> app failed", "restart app -> app starting | spawn app"),
        (RUNNING + "exit app 1 -> app stopping | clean app", "restart app -> \n empty app -> app starting | spawn app"),
        (
            RUNNING + "stop app -> app stopping | TERM app",
            "restart app -> \n stops app -> app starting | clean app, spawn app",
        ),
        (RUNNING + "restart app -> app stopping | TERM app", "restart app -> "),
        (RUNNING + "bad app -> \n bad app -> \n bad app -> app unhealthy", "restart app -> app stopping | TERM app"),
    ],
    ids=["stopped", "backoff", "spawning", "starting", "failed", "crashing", "stopping", "restarting", "unhealthy"],
)  # fmt: skip
def test_restart_in_every_state(before, then):
    play(APP, before + "\n" + then)


def test_restart_while_waiting_goes_on_waiting():
    play(
        DB_APP,
        """
        up app       -> db starting, app waiting | spawn db
        restart app  ->
        runs db      -> db ready, app starting   | spawn app
        """,
    )


def test_restart_before_the_process_is_known():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        restart app  -> app stopping
        spawned app  ->              | TERM app
        stops app    -> app starting | clean app, spawn app
        """,
    )


def test_restart_while_looking_looks_again():
    play(
        stack(external("lm")),
        """
        up lm       -> lm starting | look lm
        restart lm  -> lm starting | look lm
        found lm    -> lm ready
        """,
    )


def test_stop_takes_back_a_restart():
    play(
        APP,
        RUNNING
        + """
        restart app -> app stopping | TERM app
        stop app    ->
        stops app   -> app stopped  | clean app
        """,
    )


def test_the_restart_of_a_whole_stack_stops_in_order_and_starts_in_order():
    play(
        DB_APP,
        """
        up app          -> db starting, app waiting | spawn db
        runs db         -> db ready, app starting   | spawn app
        runs app        -> app ready
        restart db app  -> db stopping, app stopping | TERM app
        stops app       -> app waiting   | clean app, TERM db
        stops db        -> db starting   | clean db, spawn db
        runs db         -> db ready, app starting | spawn app
        """,
    )
