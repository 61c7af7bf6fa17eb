"""How services stop: alone, in order, from every state, and by force."""

from __future__ import annotations

from mamctl.core.events import Emptied, Survivor
from mamctl.core.manifest.model import Stop
from mamctl.core.states import Reason, Wanted
from tests.core.history import History, play
from tests.core.stacks import external, service, stack, task

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


# From every state ---------------------------------------------------------------------------------------------------


def test_stop_before_the_process_is_known_signals_it_once_it_is():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        stop app     -> app stopping
        spawned app  ->              | TERM app
        stops app    -> app stopped  | clean app
        """,
    )


def test_stop_before_the_process_is_known_ends_at_once_when_there_is_none():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        stop app     -> app stopping
        missing app  -> app stopped/by_operator
        """,
    )


def test_stop_while_waiting():
    play(
        stack(service("db"), service("app", "db")),
        """
        up app    -> db starting, app waiting | spawn db
        stop app  -> app stopped/by_operator
        runs db   -> db ready
        """,
    )


def test_stop_while_starting():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        spawned app  ->
        stop app     -> app stopping | TERM app
        ok app       ->
        stops app    -> app stopped  | clean app
        """,
    )


def test_stop_while_unhealthy():
    play(
        APP,
        """
        up app    -> app starting | spawn app
        runs app  -> app ready
        bad app   ->
        bad app   ->
        bad app   -> app unhealthy
        stop app  -> app stopping | TERM app
        """,
    )


def test_stop_in_backoff_is_the_end_of_it():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        spawned app  ->
        ends app 1   -> app backoff  | clean app
        stop app     -> app stopped/by_operator
        wait 1000    ->
        """,
    )


def test_stop_while_a_crash_is_cleaned_up_after():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        spawned app  ->
        exit app 1   -> app stopping | clean app
        stop app     ->
        empty app    -> app stopped/by_operator
        wait 1000    ->
        """,
    )


def test_a_second_stop_changes_nothing():
    play(
        APP,
        """
        up app     -> app starting | spawn app
        runs app   -> app ready
        stop app   -> app stopping | TERM app
        stop app   ->
        stops app  -> app stopped  | clean app
        stop app   ->
        """,
    )


def test_stop_of_a_failed_service_lets_it_rest():
    play(
        APP,
        """
        up app       -> app starting | spawn app
        missing app  -> app failed
        stop app     -> app stopped/by_operator
        """,
    )


def test_stop_of_a_completed_task_leaves_it_completed():
    play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting  | spawn migrate
        spawned migrate  ->
        ends migrate 0   -> migrate completed | clean migrate
        stop migrate     ->
        up migrate       ->
        """,
    )


def test_stop_while_a_completed_task_is_cleaned_up_after_leaves_it_completed():
    play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->
        exit migrate 0   -> migrate stopping | clean migrate
        stop migrate     ->
        empty migrate    -> migrate completed
        """,
    )


def test_stop_while_looking_for_an_external_service():
    play(
        stack(external("lm")),
        """
        up lm    -> lm starting | look lm
        stop lm  -> lm stopped/by_operator | hush lm
        up lm    -> lm starting/None | look lm
        found lm -> lm ready
        """,
    )


def test_stop_while_absent():
    play(
        stack(external("lm")),
        """
        up lm      -> lm starting | look lm
        nobody lm  -> lm waiting/absent
        stop lm    -> lm stopped/by_operator
        wait 100   ->
        """,
    )


def test_down_with_nothing_running_changes_nothing():
    play(APP, "down ->")


# A crash on the way -------------------------------------------------------------------------------------------------


def test_a_crash_while_waiting_for_the_stop_signal_ends_in_the_stop():
    history = play(
        stack(service("db"), service("app", "db")),
        """
        up app     -> db starting, app waiting | spawn db
        runs db    -> db ready, app starting   | spawn app
        runs app   -> app ready
        down       -> db stopping, app stopping | TERM app
        ends db 1  -> db stopped/by_operator    | clean db
        stops app  -> app stopped               | clean app
        """,
    )
    assert history["db"].exit_code == 1


def test_exit_78_after_our_stop_signal_is_a_stop():
    play(
        APP,
        """
        up app      -> app starting | spawn app
        runs app    -> app ready
        stop app    -> app stopping | TERM app
        ends app 78 -> app stopped/by_operator | clean app
        """,
    )


def test_a_stopped_service_has_neither_process_nor_times():
    history = History(APP)
    for words in ("up app", "runs app", "stop app", "stops app"):
        history.happen(words)
    app = history["app"]
    assert (app.pid, app.ready_at, app.spawned_at, app.next_attempt_at) == (None, None, None, None)
    assert app.reason is Reason.BY_OPERATOR
