"""An essential service that failed ends everything."""

from __future__ import annotations

from tests.core.history import play
from tests.core.stacks import external, service, stack, task


def test_when_an_essential_service_fails_everything_else_is_stopped_in_order():
    history = play(
        stack(service("db"), service("app", "db"), service("core", essential=True)),
        """
        up app core  -> db starting, app waiting, core starting | spawn db, spawn core
        runs db      -> db ready, app starting                  | spawn app
        runs app     -> app ready
        spawned core ->
        exit core 78 -> core stopping                           | clean core
        empty core   -> core failed, db stopping, app stopping  | TERM app
        stops app    -> app stopped | clean app, TERM db
        stops db     -> db stopped  | clean db
        """,
    )
    why = "core failed, and it is essential: ended with code 78: it says its configuration is wrong"
    assert history.hands.supervisor.ending == why
    assert [(said.name, said.data["detail"]) for said in history.hands.said if said.kind == "error"] == [
        ("core", "it is essential, so everything is stopped")
    ]


def test_who_is_stopped_for_an_essential_one_says_so_and_blames_no_operator():
    history = play(
        stack(service("app"), service("core", essential=True), service("late", "core")),
        """
        up app core late -> app starting, core starting, late waiting | spawn app, spawn core
        runs app         -> app ready
        missing core     -> core failed, app stopping, late stopped | TERM app
        stops app        -> app stopped | clean app
        """,
    )
    assert {(history[name].reason, history[name].detail) for name in ("app", "late")} == {
        (None, "core failed, and it is essential")
    }


def test_an_essential_service_that_is_tried_again_ends_nothing_yet():
    history = play(
        stack(service("other"), service("core", essential=True)),
        """
        up other core -> other starting, core starting | spawn other, spawn core
        spawned core  ->
        ends core 1   -> core backoff                  | clean core
        """,
    )
    assert history.hands.supervisor.ending is None


def test_an_essential_service_that_fails_by_its_dependency_ends_everything_and_the_cause_stays_to_be_seen():
    play(
        stack(task("migrate"), service("core", {"migrate": "completed"}, essential=True), external("lm")),
        """
        up core lm       -> migrate starting, core waiting, lm starting | spawn migrate, look lm
        found lm         -> lm ready
        spawned migrate  ->
        exit migrate 1   -> migrate stopping | clean migrate
        empty migrate    -> migrate failed, core failed/dependency_failed, lm stopped
        """,
    )


def test_only_the_first_essential_failure_is_told():
    history = play(
        stack(service("a", essential=True), service("b", essential=True)),
        """
        up a b     -> a starting, b starting | spawn a, spawn b
        missing a  -> a failed, b stopping
        missing b  -> b stopped
        """,
    )
    assert len(history.said("error")) == 1
