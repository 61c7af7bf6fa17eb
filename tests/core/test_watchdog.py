"""The watchdog: who falls silent is restarted, and who speaks often costs no timers."""

from __future__ import annotations

from dataclasses import replace

from mamctl.core.manifest.model import NotifyProbe, Probe, RestartPolicy
from mamctl.core.states import Timer
from tests.core.history import notified, play
from tests.core.stacks import NEVER, NOTIFY, WATCHED, service, stack

APP = stack(service("app", ready=WATCHED))
STARTING = "up app -> app starting | spawn app \n spawned app -> \n"
RUNNING = STARTING + "says app READY=1 -> app ready | timer app watchdog 10 \n"


def test_one_that_falls_silent_is_unhealthy_and_restarted():
    history = play(
        APP,
        RUNNING
        + """
        wait 9.9   ->
        wait 0.1   -> app stopping/watchdog | hush app, TERM app
        stops app  -> app backoff/watchdog  | clean app
        wait 0.5   -> app starting          | spawn app
        """,
    )
    assert history.said("unhealthy", "stopping") == [("app", "unhealthy"), ("app", "stopping")]
    (sick,) = [said for said in history.hands.said if said.kind == "unhealthy"]
    assert (sick.data["reason"], sick.data["detail"]) == ("watchdog", "no WATCHDOG=1 came for 10 s")
    assert history["app"].restarts == 1


def test_a_sign_of_life_puts_the_end_off_by_one_period():
    play(
        APP,
        RUNNING
        + """
        wait 9                   ->
        says app WATCHDOG=1      ->
        wait 1                   -> | timer app watchdog 9
        wait 8.9                 ->
        wait 0.1                 -> app stopping/watchdog | TERM app
        """,
    )


def test_one_that_speaks_every_ten_milliseconds_moves_a_timer_once_in_a_period():
    hands = play(APP, RUNNING).hands
    armed = 0
    for _ in range(3000):
        hands.now += 0.01
        if hands.timers["app", Timer.WATCHDOG][0] <= hands.now:
            hands.fire("app", Timer.WATCHDOG)
            armed += 1
        assert not hands.step(notified("app", 1, hands.now, ["WATCHDOG=1"]))
    assert hands.services["app"].state == "ready"
    assert armed == 3


def test_a_watchdog_runs_only_once_it_is_ready():
    play(
        APP, STARTING + "wait 29 -> \n says app WATCHDOG=1 -> \n says app READY=1 -> app ready | timer app watchdog 10"
    )


def test_without_the_key_nobody_waits_for_a_sign_of_life():
    play(stack(service("app", ready=NOTIFY)), STARTING + "says app READY=1 -> app ready \n wait 100000 ->")


def test_the_budget_of_restarts_is_that_of_crashes():
    once = stack(service("app", ready=WATCHED, restart=RestartPolicy(max_attempts=1, delay=0)))
    play(
        once,
        RUNNING
        + """
        wait 10           -> app stopping/watchdog | TERM app
        stops app         -> app starting          | clean app, spawn app
        spawned app       ->
        says app READY=1  -> app ready
        exit app 1        -> app stopping          | clean app
        empty app         -> app failed/gave_up
        """,
    )
    never = stack(service("app", ready=WATCHED, restart=NEVER))
    play(never, RUNNING + "wait 10 -> app stopping | TERM app \n stops app -> app failed/watchdog | clean app")


def test_one_that_hangs_is_killed_after_its_grace_period():
    play(APP, RUNNING + "wait 10 -> app stopping | TERM app \n wait 10 -> | KILL app")


def test_it_may_ask_to_be_restarted():
    history = play(
        stack(service("app", ready=NOTIFY)),
        STARTING + "says app READY=1 -> app ready \n says app WATCHDOG=trigger -> app stopping/watchdog | TERM app",
    )
    assert history["app"].detail == "it asked for it with WATCHDOG=trigger"
    play(
        APP, STARTING + "says app WATCHDOG=trigger -> app stopping/watchdog | TERM app \n says app WATCHDOG=trigger ->"
    )


def test_it_may_choose_another_period_or_none():
    play(
        APP,
        RUNNING
        + """
        wait 5                       ->
        says app WATCHDOG_SECONDS=2  -> | timer app watchdog 2
        wait 1.9                     ->
        says app WATCHDOG=1          ->
        says app WATCHDOG_SECONDS=0  ->
        wait 100000                  ->
        says app READY=1 WATCHDOG_SECONDS=3 -> | timer app watchdog 3
        wait 3                       -> app stopping/watchdog | TERM app
        """,
    )


def test_a_period_that_it_chose_before_it_was_ready_holds_and_the_next_incarnation_knows_nothing_of_it():
    play(
        stack(service("app", ready=NOTIFY)),
        STARTING
        + """
        says app WATCHDOG_SECONDS=1  ->
        says app READY=1             -> app ready | timer app watchdog 1
        wait 1                       -> app stopping | TERM app
        stops app                    -> app backoff | clean app
        wait 0.5                     -> app starting | spawn app
        spawned app                  ->
        says app READY=1             -> app ready
        wait 100000                  ->
        """,
    )


def test_one_that_stops_by_itself_is_not_watched_any_more():
    slow = stack(replace(APP.services["app"], ready=Probe(NotifyProbe(watchdog=1.0))))
    play(slow, STARTING + "says app READY=1 -> app ready \n says app STOPPING=1 -> app unhealthy \n wait 9 ->")


def test_a_sign_of_life_of_the_last_incarnation_is_none_of_the_next():
    history = play(APP, RUNNING + "ends app 1 -> app backoff | clean app \n wait 0.5 -> app starting | spawn app")
    assert history["app"].alive_at is None
