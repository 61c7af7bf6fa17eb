"""A stop in every state a service can be in."""

from __future__ import annotations

from mamctl.core.states import Reason
from tests.core.history import History, play
from tests.core.stacks import external, service, stack, task

APP = stack(service("app"))


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
