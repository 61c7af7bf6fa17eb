"""How a stack starts: order, conditions, and what a start can end in."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.choices import Condition
from mamctl.core.states import Wanted
from tests.core.history import play
from tests.core.stacks import external, service, stack, task

DB_APP = stack(service("db"), service("app", "db"))


def test_a_service_is_ready_when_its_probe_says_so():
    history = play(
        stack(service("app")),
        """
        up app       -> app starting | spawn app
        spawned app  ->              | ask app, timer app start 30
        bad app      ->
        ok app       -> app ready    | watch app ready
        """,
    )
    assert history.said("starting", "started") == [("app", "starting"), ("app", "started")]


def test_a_service_without_a_probe_is_ready_once_it_lived_100_ms():
    play(
        stack(service("app", ready=None)),
        """
        up app       -> app starting | spawn app
        spawned app  ->              | timer app lived 0.1, timer app start 30
        wait 0.09    ->
        wait 0.01    -> app ready
        """,
    )


def test_a_dependant_starts_once_its_dependency_is_ready():
    history = play(
        DB_APP,
        """
        up app       -> db starting/None, app waiting/dependency_waiting | spawn db
        spawned db   ->
        bad db       ->
        ok db        -> db ready, app starting | spawn app
        """,
    )
    assert history.said("waiting") == [("app", "waiting")]


def test_a_waiting_service_says_whom_it_waits_for():
    history = play(
        stack(service("a"), service("b"), service("c", "a, b")),
        """
        up c    -> a starting, b starting, c waiting | spawn a, spawn b
        runs a  -> a ready
        """,
    )
    assert history["c"].detail == "waits for b"


def test_started_is_met_by_a_process():
    play(
        stack(service("db"), service("app", {"db": "started"})),
        """
        up app       -> db starting, app waiting | spawn db
        spawned db   -> app starting             | spawn app
        """,
    )


def test_started_is_met_by_an_unhealthy_service_and_by_a_completed_one():
    manifest = stack(service("db"), task("seed"), service("app", {"db": "started", "seed": "started"}))
    play(
        manifest,
        """
        up db seed   -> db starting, seed starting | spawn db, spawn seed
        runs db      -> db ready
        spawned seed ->
        ends seed 0  -> seed completed | clean seed
        bad db       ->
        bad db       ->
        bad db       -> db unhealthy
        up app       -> app starting | spawn app
        """,
    )


def test_completed_is_met_by_the_task_that_ended_well_and_not_before():
    play(
        stack(task("migrate"), service("app", {"migrate": "completed"})),
        """
        up app          -> migrate starting, app waiting | spawn migrate
        spawned migrate ->
        exit migrate 0  -> migrate stopping              | clean migrate
        empty migrate   -> migrate completed, app starting | spawn app
        """,
    )


def test_an_unhealthy_dependency_does_not_let_a_dependant_start():
    play(
        DB_APP,
        """
        up db    -> db starting | spawn db
        runs db  -> db ready
        bad db   ->
        bad db   ->
        bad db   -> db unhealthy
        up app   -> app waiting
        ok db    -> db ready, app starting | spawn app
        """,
    )


def test_a_layer_starts_together():
    play(
        stack(service("a"), service("b", "a"), service("c", "a"), service("d", "b, c")),
        """
        up d      -> a starting, b waiting, c waiting, d waiting | spawn a
        runs a    -> a ready, b starting, c starting             | spawn b, spawn c
        runs b    -> b ready
        runs c    -> c ready, d starting                         | spawn d
        """,
    )


def test_up_of_one_starts_what_it_needs_and_nothing_else():
    play(
        stack(service("db"), service("app", "db"), service("other")),
        "up app -> db starting, app waiting | spawn db",
    )


def test_up_alone_leaves_the_dependencies_as_they_are():
    history = play(DB_APP, "up-alone app -> app starting | spawn app")
    assert history["db"].wanted is Wanted.DOWN
    play(DB_APP, "up db -> db starting | spawn db \n up-alone app -> app waiting/dependency_waiting")


def test_a_dependency_that_is_not_in_the_manifest_stops_nobody():
    play(stack(service("app", "ghost")), "up app -> app starting | spawn app")


@pytest.mark.parametrize("condition", Condition)
def test_an_optional_dependency_is_waited_for_while_it_starts(condition):
    kind = task if condition is Condition.COMPLETED else service
    play(
        stack(kind("db"), service("app", {"db": f"{condition} optional"})),
        "up app -> db starting, app waiting | spawn db",
    )


def test_an_optional_dependency_that_is_down_is_not_waited_for():
    play(stack(service("db"), service("app", {"db": "ready optional"})), "up-alone app -> app starting | spawn app")


def test_an_optional_dependency_that_failed_is_not_waited_for():
    play(
        stack(service("db"), service("app", {"db": "ready optional"})),
        """
        up app      -> db starting, app waiting | spawn db
        missing db  -> db failed, app starting  | spawn app
        """,
    )


def test_an_optional_dependency_in_backoff_is_not_waited_for():
    play(
        stack(service("db"), service("app", {"db": "ready optional"})),
        """
        up app      -> db starting, app waiting   | spawn db
        spawned db  ->
        exit db 1   -> db stopping                | clean db
        empty db    -> db backoff, app starting   | spawn app
        """,
    )


def test_an_optional_dependency_that_is_absent_is_not_waited_for():
    play(
        stack(external("lm"), service("app", {"lm": "ready optional"})),
        """
        up app     -> lm starting, app waiting       | look lm
        nobody lm  -> lm waiting/absent, app starting | spawn app
        """,
    )
