"""Events that come late, twice, or about an older incarnation change nothing."""

from __future__ import annotations

import pytest

from mamctl.core.events import Attached, Emptied, Exited, Found, Probed, Spawned, SpawnFailed, TimerFired
from mamctl.core.states import Purpose, Reason, Timer
from tests.core.history import History, play
from tests.core.stacks import LIVE, external, service, stack

APP = stack(service("app", live=LIVE))
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""


@pytest.mark.parametrize("happening", ["exit", "empty", "ok", "bad", "unborn"])
def test_what_is_told_of_an_older_incarnation_changes_nothing(happening):
    restarted = (
        RUNNING + "restart app -> app stopping | TERM app \n stops app -> app starting | clean app, spawn app \n"
    )
    play(APP, restarted + f"late {happening} app")
    play(APP, restarted + f"spawned app -> \n late {happening} app")
    play(APP, restarted + f"runs app -> app ready \n late {happening} app")
    play(APP, restarted + f"runs app -> app ready \n exit app 1 -> app stopping | clean app \n late {happening} app")


def test_every_event_about_a_process_counts_once():
    history = History(stack(service("app", live=LIVE), external("lm")))
    for words in ("up app lm", "nobody lm", "wait 10", "found lm", "spawned app"):
        history.happen(words)
        history.happen("twice") if not words.startswith("up") else None
    for words in ("exit app 1", "empty app", "wait 0.5", "unborn app", "wait 1", "runs app", "stop app", "wait 10"):
        history.happen(words)
        if words not in ("runs app", "stop app"):
            history.happen("twice")


@pytest.mark.parametrize(
    "event",
    [
        Spawned("app", 1, 5, 0.0),
        SpawnFailed("app", 1, Reason.SPAWN_FAILED, "", final=True, at=0.0),
        Emptied("app", 1, 0.0),
        Attached("app", 1, Found.IT, "", 0.0),
    ],
    ids=["spawned", "spawn-failed", "emptied", "attached"],
)
def test_what_makes_no_sense_in_a_state_changes_nothing(event):
    for script in (RUNNING, RUNNING + "stop app -> app stopping | TERM app"):
        assert play(APP, script).hands.unchanged_by(event)


@pytest.mark.parametrize(
    "event",
    [Spawned("app", 1, 5, 0.0), SpawnFailed("app", 1, Reason.SPAWN_FAILED, "", final=True, at=0.0)],
    ids=["spawned", "spawn-failed"],
)
def test_what_is_told_of_a_spawn_after_the_exit_changes_nothing(event):
    history = play(APP, RUNNING + "exit app 1 -> app stopping | clean app")
    assert history.hands.unchanged_by(event)


@pytest.mark.parametrize("event", [Exited("app", 1, 1, None, 0.0), Emptied("app", 1, 0.0)], ids=["exited", "emptied"])
def test_an_end_that_is_told_before_the_process_is_known_changes_nothing(event):
    history = play(APP, "up app -> app starting | spawn app \n stop app -> app stopping")
    assert history.hands.unchanged_by(event)


def test_events_about_an_unknown_service_change_nothing():
    history = play(APP, RUNNING)
    assert history.hands.unchanged_by(Exited("ghost", 1, 1, None, 0.0))
    assert history.hands.unchanged_by(TimerFired("ghost", Timer.GRACE, 1, 0.0))


def test_a_timer_that_was_armed_anew_counts_by_its_last_token_only():
    history = play(APP, "up app -> app starting | spawn app \n spawned app ->")
    first = history.hands.timers["app", Timer.START][1]
    history.play("ends app 1 -> app backoff | clean app \n wait 0.5 -> app starting | spawn app \n spawned app ->")
    assert history.hands.unchanged_by(TimerFired("app", Timer.START, first, 1.0))


def test_a_timer_of_another_state_changes_nothing():
    history = play(APP, "up app -> app starting | spawn app \n spawned app ->")
    token = history.hands.timers["app", Timer.START][1]
    history.play("ok app -> app ready")
    assert history.hands.unchanged_by(TimerFired("app", Timer.START, token, 1.0))


def test_a_probe_that_is_told_while_nothing_is_asked_changes_nothing():
    history = play(APP, RUNNING + "stop app -> app stopping | TERM app")
    assert history.hands.unchanged_by(Probed("app", 1, Purpose.LIVE, ok=False, detail="", at=0.0))


def test_a_service_that_left_and_came_back_does_not_hear_of_its_former_life():
    without, with_app = stack(service("other")), stack(service("other"), service("app", live=LIVE))
    history = play(
        with_app,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        reload without  -> app stopping | TERM app
        stops app       -> app gone     | clean app
        reload again    -> app stopped
        up app          -> app starting | spawn app
        spawned app     ->
        """,
        without=without,
        again=with_app,
    )
    assert history["app"].generation == 2
    assert history.hands.unchanged_by(Exited("app", 1, 1, None, 0.0))
    assert history.hands.unchanged_by(TimerFired("app", Timer.START, 1, 30.0))
