"""What a dependency does to its dependants: failure, backoff, absence, and restarting along with it."""

from __future__ import annotations

from tests.core.history import play
from tests.core.stacks import service, stack, task

DB_APP = stack(service("db"), service("app", "db"))
CHAIN = stack(service("db"), service("api", "db"), service("web", "api"))
UP_APP = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""


def test_a_failed_dependency_fails_all_that_need_it_and_they_say_which():
    history = play(
        CHAIN,
        """
        up web      -> db starting, api waiting, web waiting | spawn db
        missing db  -> db failed, api failed/dependency_failed, web failed/dependency_failed
        """,
    )
    assert history["api"].detail == "needs db, but db failed (command_not_found)"
    assert history["web"].detail == "needs api, but api failed (dependency_failed)"
    assert history.said("failed") == [("db", "failed"), ("api", "failed"), ("web", "failed")]


def test_a_failed_task_fails_those_who_need_it_completed():
    play(
        stack(task("migrate"), service("app", {"migrate": "completed"})),
        """
        up app           -> migrate starting, app waiting | spawn migrate
        spawned migrate  ->
        exit migrate 3   -> migrate stopping              | clean migrate
        empty migrate    -> migrate failed/exited, app failed/dependency_failed
        """,
    )


def test_dependants_come_back_by_themselves_once_the_dependency_is_ready():
    play(
        CHAIN,
        """
        up web      -> db starting, api waiting, web waiting | spawn db
        missing db  -> db failed, api failed, web failed
        up db       -> db starting, api waiting/dependency_waiting, web waiting/dependency_waiting | spawn db
        runs db     -> db ready, api starting  | spawn api
        runs api    -> api ready, web starting | spawn web
        """,
    )


def test_a_dependency_that_fails_again_fails_them_again():
    play(
        DB_APP,
        """
        up app      -> db starting, app waiting | spawn db
        missing db  -> db failed, app failed
        up db       -> db starting, app waiting | spawn db
        missing db  -> db failed, app failed/dependency_failed
        """,
    )


def test_a_service_that_failed_by_its_dependency_and_is_stopped_does_not_come_back():
    play(
        DB_APP,
        """
        up app      -> db starting, app waiting | spawn db
        missing db  -> db failed, app failed
        stop app    -> app stopped
        up db       -> db starting | spawn db
        runs db     -> db ready
        """,
    )


def test_a_service_that_ended_well_cannot_become_ready_for_its_dependant():
    history = play(
        DB_APP,
        """
        up app      -> db starting, app waiting | spawn db
        spawned db  ->
        exit db 0   -> db stopping | clean db
        empty db    -> db completed, app failed/dependency_failed
        """,
    )
    assert history["app"].detail == "needs db, but db ended before it was ready for this"


def test_a_dependency_in_backoff_keeps_its_dependants_waiting():
    play(
        DB_APP,
        """
        up app      -> db starting, app waiting | spawn db
        spawned db  ->
        ends db 1   -> db backoff               | clean db
        wait 0.5    -> db starting              | spawn db
        runs db     -> db ready, app starting   | spawn app
        """,
    )


def test_a_dependency_that_was_stopped_keeps_its_dependants_waiting():
    play(
        DB_APP,
        """
        up app     -> db starting, app waiting | spawn db
        stop db    -> db stopping
        spawned db ->            | TERM db
        stops db   -> db stopped | clean db
        up db      -> db starting | spawn db
        runs db    -> db ready, app starting | spawn app
        """,
    )


def test_a_ready_dependant_is_left_alone_when_its_dependency_restarts():
    play(
        DB_APP,
        UP_APP
        + """
        restart db -> db stopping | TERM db
        stops db   -> db starting | clean db, spawn db
        runs db    -> db ready
        """,
    )


def test_a_ready_dependant_is_left_alone_when_its_dependency_crashes_and_even_fails():
    play(
        DB_APP,
        UP_APP
        + """
        ends db 1   -> db backoff  | clean db
        wait 0.5    -> db starting | spawn db
        missing db  -> db failed
        """,
    )


def test_a_dependant_that_crashes_meanwhile_waits_for_the_dependency():
    play(
        DB_APP,
        UP_APP
        + """
        ends db 1   -> db backoff   | clean db
        wait 0.4    ->
        ends app 1  -> app backoff  | clean app
        wait 0.1    -> db starting  | spawn db
        wait 0.4    -> app waiting/dependency_waiting
        runs db     -> db ready, app starting | spawn app
        """,
    )


def test_a_dependant_whose_backoff_ends_after_the_dependency_failed_fails_too():
    play(
        DB_APP,
        UP_APP
        + """
        ends app 1  -> app backoff  | clean app
        ends db 78  -> db failed    | clean db
        wait 0.5    -> app failed/dependency_failed
        """,
    )
