"""What a start can end in: refused, too late, or ready."""

from __future__ import annotations

from tests.core.history import History, play
from tests.core.stacks import NEVER, service, stack, task


def test_a_missing_command_is_final():
    history = play(
        stack(service("app")),
        """
        up app       -> app starting | spawn app
        missing app  -> app failed/command_not_found
        wait 1000    ->
        """,
    )
    assert history.said("process-error", "failed") == [("app", "process-error"), ("app", "failed")]
    assert history["app"].detail == "command_not_found it was"


def test_a_port_held_by_a_stranger_is_final():
    history = play(
        stack(service("app")),
        """
        up app    -> app starting | spawn app
        held app  -> app failed/port_taken
        """,
    )
    assert history.said("port-conflict") == [("app", "port-conflict")]


def test_a_port_that_will_be_free_is_tried_again():
    play(
        stack(service("app")),
        """
        up app     -> app starting | spawn app
        taken app  -> app backoff/port_taken
        wait 0.5   -> app starting | spawn app
        runs app   -> app ready
        """,
    )


def test_a_spawn_that_failed_is_not_tried_again_under_the_policy_never():
    play(
        stack(service("app", restart=NEVER)),
        """
        up app      -> app starting | spawn app
        unborn app  -> app failed/spawn_failed
        """,
    )


def test_a_start_timeout_stops_the_service_and_tells_what_the_probe_last_said():
    history = play(
        stack(service("app")),
        """
        up app       -> app starting | spawn app
        spawned app  ->
        bad app      ->
        wait 30      -> app stopping/start_timeout | TERM app
        killed app 15 ->                           | clean app
        empty app    -> app backoff/start_timeout
        """,
    )
    assert history["app"].detail == "not ready after 30 s: answered 503"


def test_a_start_timeout_under_the_policy_never_is_a_failure():
    history = play(
        stack(task("migrate", start_timeout=5)),
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->                  | timer migrate start 5
        wait 5           -> migrate stopping/start_timeout | TERM migrate
        stops migrate    -> migrate failed/start_timeout   | clean migrate
        """,
    )
    assert history["migrate"].detail == "not ready after 5 s"


def test_without_a_start_timeout_a_service_may_take_its_time():
    play(
        stack(service("app", start_timeout=None)),
        """
        up app       -> app starting | spawn app
        spawned app  ->
        wait 100000  ->
        ok app       -> app ready
        """,
    )


def test_the_start_timeout_is_over_once_the_service_is_ready():
    play(
        stack(service("app")),
        """
        up app    -> app starting | spawn app
        runs app  -> app ready
        wait 31   ->
        """,
    )


def test_a_live_probe_is_not_heard_while_the_service_starts():
    play(
        stack(service("app", live=service("x").ready)),
        """
        up app       -> app starting | spawn app
        spawned app  ->
        alive app    ->
        dead app     ->
        ok app       -> app ready | watch app ready, watch app live
        """,
    )


def test_the_time_to_ready_and_the_address_are_announced():
    history = History(stack(service("app")))
    for words in ("up app", "spawned app", "wait 1.5", "ok app"):
        history.happen(words)
    assert history.hands.said[-1].data["ready_after_s"] == 1.5
    assert history.hands.said[-1].data["url"] is None
