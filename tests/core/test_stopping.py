"""How services stop: alone, in order, from every state, and by force."""

from __future__ import annotations

from mamctl.core.events import Emptied, Survivor
from mamctl.core.manifest.model import Stop
from mamctl.core.states import Wanted
from tests.core.history import play
from tests.core.stacks import service, stack

APP = stack(service("app"))
CHAIN = stack(service("db"), service("api", "db"), service("web", "api"))
RUNNING_CHAIN = """
    up web    -> db starting, api waiting, web waiting | spawn db
    runs db   -> db ready, api starting  | spawn api
    runs api  -> api ready, web starting | spawn web
    runs web  -> web ready
"""


def test_a_stop_is_a_signal_a_grace_period_and_the_proof_that_nothing_is_left():
    history = play(
        APP,
        """
        up app         -> app starting | spawn app
        runs app       -> app ready
        stop app       -> app stopping/by_operator | hush app, TERM app, timer app grace 10
        killed app 15  ->                          | clean app
        empty app      -> app stopped/by_operator
        wait 100       ->
        """,
    )
    assert history["app"].exit_signal == 15
    assert history.said("stopping", "process-exit", "stopped") == [
        ("app", "stopping"),
        ("app", "process-exit"),
        ("app", "stopped"),
    ]


def test_the_stop_signal_and_the_grace_period_are_those_of_the_manifest():
    play(
        stack(service("app", stop=Stop(signal=2, grace=0.5))),
        """
        up app    -> app starting | spawn app
        runs app  -> app ready
        stop app  -> app stopping | INT app, timer app grace 0.5
        """,
    )


def test_who_ignores_the_signal_is_killed_after_the_grace_period():
    history = play(
        APP,
        """
        up app        -> app starting | spawn app
        runs app      -> app ready
        stop app      -> app stopping | TERM app
        wait 9.9      ->
        wait 0.1      ->              | KILL app
        wait 100      ->
        killed app 9  ->              | clean app
        empty app     -> app stopped
        """,
    )
    assert history.said("warning") == [("app", "warning")]


def test_survivors_of_a_stop_are_named():
    history = play(
        APP,
        """
        up app         -> app starting | spawn app
        runs app       -> app ready
        stop app       -> app stopping | TERM app
        killed app 15  ->              | clean app
        """,
    )
    history.hands.cleaning.clear()
    history.hands.step(Emptied("app", 1, 0.0, survivors=(Survivor(77, "sleep 1000"),)))
    warning = next(said for said in history.hands.said if said.kind == "warning")
    assert warning.data["detail"] == "still running after the stop: pid 77 (sleep 1000)"
    assert warning.data["survivors"] == [{"pid": 77, "command": "sleep 1000"}]


def test_stop_stops_a_service_alone_and_names_the_dependants_that_run():
    history = play(
        CHAIN,
        RUNNING_CHAIN
        + """
        stop db   -> db stopping | TERM db
        stops db  -> db stopped  | clean db
        """,
    )
    assert history.hands.supervisor.running_dependants("db") == ("api",)
    assert history["api"].wanted is Wanted.UP


def test_down_stops_dependants_first():
    play(
        CHAIN,
        RUNNING_CHAIN
        + """
        down       -> web stopping, api stopping, db stopping | TERM web
        stops web  -> web stopped | clean web, TERM api
        stops api  -> api stopped | clean api, TERM db
        stops db   -> db stopped  | clean db
        """,
    )


def test_a_layer_stops_together():
    play(
        stack(service("db"), service("a", "db"), service("b", "db")),
        """
        up a b    -> db starting, a waiting, b waiting | spawn db
        runs db   -> db ready, a starting, b starting  | spawn a, spawn b
        runs a b  -> a ready, b ready
        down      -> db stopping, a stopping, b stopping | TERM a, TERM b
        stops a   -> a stopped  | clean a
        stops b   -> b stopped  | clean b, TERM db
        """,
    )


def test_a_dependency_is_not_signalled_before_nothing_is_left_of_its_dependant():
    play(
        stack(service("db"), service("app", "db")),
        """
        up app         -> db starting, app waiting | spawn db
        runs db        -> db ready, app starting   | spawn app
        runs app       -> app ready
        down           -> db stopping, app stopping | TERM app
        killed app 15  ->                           | clean app
        empty app      -> app stopped               | TERM db
        """,
    )


def test_force_kills_everything_at_once():
    play(
        CHAIN,
        RUNNING_CHAIN
        + """
        down         -> web stopping, api stopping, db stopping | TERM web
        kill         ->                                         | KILL db, KILL api, KILL web
        killed web 9 ->             | clean web
        killed db 9  ->             | clean db
        killed api 9 ->             | clean api
        empty web    -> web stopped
        empty api    -> api stopped
        empty db     -> db stopped
        """,
    )
