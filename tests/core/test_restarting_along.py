"""Dependants with `restart: true`: stopped before their dependency, started after it."""

from __future__ import annotations

from tests.core.history import play
from tests.core.stacks import AT_ONCE, external, service, stack

ALONG = stack(service("db"), service("app", {"db": "ready restart"}))
UP_APP = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""


def test_a_dependant_with_restart_is_stopped_before_its_dependency_and_started_after():
    history = play(
        ALONG,
        UP_APP
        + """
        restart db -> db stopping, app stopping | TERM app
        stops app  -> app waiting               | clean app, TERM db
        stops db   -> db starting               | clean db, spawn db
        runs db    -> db ready, app starting    | spawn app
        """,
    )
    assert history["app"].restarts == 0


def test_a_dependant_with_restart_restarts_when_its_dependency_crashes():
    history = play(
        ALONG,
        UP_APP
        + """
        exit db 1  -> db stopping, app stopping/dependency_waiting | clean db, TERM app
        empty db   -> db backoff
        stops app  -> app waiting    | clean app
        wait 0.5   -> db starting    | spawn db
        runs db    -> db ready, app starting | spawn app
        """,
    )
    assert next(said for said in history.hands.said if said.kind == "stopping").data["detail"] == "restarts with db"


def test_a_dependant_with_restart_restarts_when_its_dependency_is_no_longer_alive():
    play(
        stack(service("db", live=service("x").ready), service("app", {"db": "ready restart"})),
        UP_APP
        + """
        dead db    ->
        dead db    ->
        dead db    -> db stopping/liveness_failed, app stopping | TERM app
        stops app  -> app waiting | clean app, TERM db
        stops db   -> db backoff  | clean db
        """,
    )


def test_a_dependant_with_restart_is_left_alone_when_its_dependency_will_not_come_back():
    play(
        ALONG,
        UP_APP
        + """
        exit db 78  -> db stopping | clean db
        empty db    -> db failed
        """,
    )


def test_a_dependant_with_restart_is_left_alone_when_its_dependency_is_stopped():
    play(ALONG, UP_APP + "stop db -> db stopping | TERM db")


def test_restarting_along_goes_through_a_chain():
    play(
        stack(service("db"), service("api", {"db": "ready restart"}), service("web", {"api": "ready restart"})),
        """
        up web      -> db starting, api waiting, web waiting | spawn db
        runs db     -> db ready, api starting  | spawn api
        runs api    -> api ready, web starting | spawn web
        runs web    -> web ready
        restart db  -> db stopping, api stopping, web stopping | TERM web
        stops web   -> web waiting  | clean web, TERM api
        stops api   -> api waiting  | clean api, TERM db
        stops db    -> db starting  | clean db, spawn db
        """,
    )


def test_a_dependant_that_the_operator_is_stopping_is_not_restarted_along():
    play(
        ALONG,
        UP_APP
        + """
        stop app    -> app stopping | TERM app
        restart db  -> db stopping
        stops app   -> app stopped/by_operator | clean app, TERM db
        stops db    -> db starting  | clean db, spawn db
        """,
    )


def test_a_dependant_that_is_stopping_for_itself_is_not_taken_along():
    play(
        ALONG,
        UP_APP
        + """
        exit app 1  -> app stopping/exited | clean app
        exit db 1   -> db stopping         | clean db
        empty app   -> app backoff
        empty db    -> db backoff
        """,
    )


def test_restarting_along_does_not_clear_the_budget_of_the_dependant():
    history = play(
        ALONG,
        UP_APP
        + """
        ends app 1  -> app backoff   | clean app
        wait 0.5    -> app starting  | spawn app
        runs app    -> app ready
        exit db 1   -> db stopping, app stopping | clean db, TERM app
        """,
    )
    assert len(history["app"].budget.attempts) == 1


def test_an_optional_dependant_with_restart_waits_until_the_dependency_is_back_too():
    play(
        stack(service("db"), service("app", {"db": "ready restart optional"})),
        UP_APP
        + """
        restart db -> db stopping, app stopping | TERM app
        stops app  -> app waiting               | clean app, TERM db
        stops db   -> db starting               | clean db, spawn db
        runs db    -> db ready, app starting    | spawn app
        """,
    )


def test_who_waits_for_an_optional_dependency_to_be_back_goes_on_when_it_is_stopped_instead():
    play(
        stack(service("db"), service("app", {"db": "ready restart optional"})),
        UP_APP
        + """
        restart db -> db stopping, app stopping | TERM app
        stops app  -> app waiting               | clean app, TERM db
        stop db    -> app starting              | spawn app
        """,
    )


def test_an_optional_dependant_with_restart_restarts_once_for_a_crash():
    play(
        stack(service("db", restart=AT_ONCE), service("app", {"db": "ready restart optional"})),
        UP_APP
        + """
        exit db 1  -> db stopping, app stopping | clean db, TERM app
        stops app  -> app waiting               | clean app
        empty db   -> db starting               | spawn db
        runs db    -> db ready, app starting    | spawn app
        runs app   -> app ready
        """,
    )


def test_a_dependant_with_restart_restarts_when_an_external_service_is_lost():
    play(
        stack(external("lm"), service("app", {"lm": "ready restart"})),
        """
        up app     -> lm starting, app waiting   | look lm
        found lm   -> lm ready, app starting     | spawn app
        runs app   -> app ready
        bad lm     ->
        bad lm     ->
        bad lm     -> lm unhealthy
        bad lm     -> lm starting, app stopping  | look lm, TERM app
        stops app  -> app waiting                | clean app
        found lm   -> lm ready, app starting     | spawn app
        """,
    )


def test_a_dependant_with_restart_restarts_when_an_attached_service_is_looked_for_anew():
    play(
        stack(external("lm"), service("app", {"lm": "ready restart"})),
        """
        up app      -> lm starting, app waiting   | look lm
        found lm    -> lm ready, app starting     | spawn app
        runs app    -> app ready
        restart lm  -> lm starting, app stopping  | look lm, TERM app
        """,
    )
