"""A supervisor that goes on where another ended still listens to those that speak, and keeps what they asked for."""

from __future__ import annotations

import pytest

from mamctl.core.events import Recalled, Remembered
from mamctl.core.past import as_document, from_document, past_of
from mamctl.core.states import Ownership, Timer
from tests.core.history import History, play
from tests.core.stacks import NOTIFY, WATCHED, service, stack

APP = stack(service("app", ready=NOTIFY))
STARTING = "up app -> app starting | spawn app \n spawned app -> \n"
RUNNING = STARTING + "says app READY=1 -> app ready \n"


def succeed(before: History, *, after: float = 0.0, proven: bool = True) -> History:
    """Let another supervisor take over, `after` seconds later, by what was written down."""
    app = before["app"]
    past = from_document(as_document(past_of(app)))
    assert past == past_of(app)
    history = History(before.manifest)
    history.hands.running = dict(before.hands.running)
    history.hands.now = before.hands.now + after
    history._step(Recalled((Remembered("app", past, app.pid),), history.hands.now, proven))
    assert history["app"].ownership is Ownership.ADOPTED
    return history


def begun(manifest, script):
    """Play the beginning, which belongs to the first supervisor."""
    history = play(manifest, script)
    history.manifest = manifest
    return history


@pytest.mark.parametrize("proven", [True, False])
def test_one_that_was_ready_stays_so_and_its_watchdog_runs_anew(proven):
    history = succeed(begun(stack(service("app", ready=WATCHED)), RUNNING + "wait 9 ->"), after=60, proven=proven)
    history.play("""
        wait 9.9             ->
        says app WATCHDOG=1  ->
        wait 9.9             -> app ready/None
        wait 0.2             -> app stopping/watchdog | TERM app
    """)


def test_a_period_that_it_chose_itself_is_kept():
    history = succeed(begun(APP, RUNNING + "says app WATCHDOG_SECONDS=2 ->"))
    history.play("wait 1.9 -> \n wait 0.2 -> app stopping/watchdog | TERM app")


def test_time_that_a_start_asked_for_is_kept():
    history = succeed(begun(APP, STARTING + "wait 29 -> \n says app EXTEND=60 ->"), after=5)
    history.play("wait 50 -> \n says app READY=1 -> app ready")


def test_one_that_stops_by_itself_has_its_time_anew():
    history = succeed(begun(APP, RUNNING + "says app STOPPING=1 -> app unhealthy"))
    assert Timer.GRACE in history["app"].timers
    history.play("wait 10 -> | KILL app")
