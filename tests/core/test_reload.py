"""The manifest read again: what came, what went, what changed in place, and what asks for a new process."""

from __future__ import annotations

from tests.core.history import play, with_changes
from tests.core.stacks import external, service, stack, task

APP = stack(service("app"))
DB_APP = stack(service("db"), service("app", "db"))
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""
UP_BOTH = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""


def test_the_same_manifest_changes_nothing():
    play(DB_APP, UP_BOTH + "reload same ->", same=with_changes(DB_APP))


def test_a_new_service_is_known_and_started_by_the_next_up_only():
    history = play(
        APP,
        RUNNING + "reload more -> db stopped \n up db -> db starting | spawn db",
        more=stack(service("db"), service("app")),
    )
    assert list(history.hands.services) == ["db", "app"]


def test_services_that_are_gone_are_stopped_in_order_and_forgotten():
    play(
        stack(service("db"), service("app", "db"), service("other")),
        UP_BOTH
        + """
        reload less -> db stopping, app stopping | TERM app
        stops app   -> app gone | clean app, TERM db
        stops db    -> db gone  | clean db
        """,
        less=stack(service("other")),
    )


def test_services_that_are_gone_and_do_not_run_are_forgotten_at_once():
    play(
        stack(service("app"), task("migrate"), service("bad"), service("never"), external("lm")),
        """
        up migrate bad lm -> migrate starting, bad starting, lm starting | spawn migrate, spawn bad, look lm
        found lm          -> lm ready
        missing bad       -> bad failed
        spawned migrate   ->
        ends migrate 0    -> migrate completed | clean migrate
        reload less       -> migrate gone, bad gone, never gone, lm gone
        """,
        less=APP,
    )


def test_a_dependency_and_its_dependant_can_be_forgotten_together():
    play(
        DB_APP,
        """
        up app       -> db starting, app waiting | spawn db
        missing db   -> db failed, app failed
        reload less  -> db gone, app gone, other stopped
        """,
        less=stack(service("other")),
    )


def test_up_does_not_bring_back_what_is_gone_from_the_manifest():
    play(
        DB_APP,
        UP_BOTH
        + """
        reload less  -> app stopping | TERM app
        up db app    ->
        restart app  ->
        down         -> db stopping
        stops app    -> app gone   | clean app, TERM db
        stops db     -> db stopped | clean db
        """,
        less=stack(service("db")),
    )


def test_what_is_in_the_manifest_again_before_it_was_gone_stays_at_rest():
    play(
        DB_APP,
        UP_BOTH
        + """
        reload less   -> app stopping | TERM app
        reload again  ->
        stops app     -> app stopped  | clean app
        """,
        less=stack(service("db")),
        again=DB_APP,
    )


def test_what_is_in_the_manifest_again_before_it_was_gone_can_be_wanted_again():
    play(
        DB_APP,
        UP_BOTH
        + """
        reload less   -> app stopping | TERM app
        reload again  ->
        up app        ->
        stops app     -> app starting | clean app, spawn app
        """,
        less=stack(service("db")),
        again=DB_APP,
    )
