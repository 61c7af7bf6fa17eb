"""A manifest that changed what a service is run as: that service restarts, in order."""

from __future__ import annotations

from mamctl.core.manifest.model import Logs
from mamctl.core.states import Wanted
from tests.core.history import play, with_changes
from tests.core.stacks import external, service, stack, task

APP = stack(service("app"))
DB_APP = stack(service("db"), service("app", "db"))
OTHER = {"argv": ("other",)}
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""
UP_BOTH = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""


def test_a_changed_command_restarts_that_service_alone():
    history = play(
        DB_APP,
        UP_BOTH
        + """
        reload changed -> db stopping/changed_on_disk | TERM db
        stops db       -> db starting                 | clean db, spawn db
        """,
        changed=with_changes(DB_APP, db=OTHER),
    )
    assert history["db"].spec.argv == ("other",)
    assert history["db"].restarts == 0


def test_changed_services_restart_in_order():
    play(
        DB_APP,
        UP_BOTH
        + """
        reload changed -> db stopping, app stopping | TERM app
        stops app      -> app waiting | clean app, TERM db
        stops db       -> db starting | clean db, spawn db
        runs db        -> db ready, app starting | spawn app
        """,
        changed=with_changes(DB_APP, db=OTHER, app=OTHER),
    )


def test_a_changed_service_waits_for_a_dependant_that_is_found_to_stop_only_after_it():
    manifest = stack(service("db"), service("cache"), service("app", {"db": "ready", "cache": "ready restart"}))
    play(
        manifest,
        """
        up app         -> db starting, cache starting, app waiting | spawn db, spawn cache
        runs db cache  -> db ready, cache ready, app starting      | spawn app
        runs app       -> app ready
        reload changed -> db stopping, cache stopping, app stopping | TERM app
        stops app      -> app waiting                               | clean app, TERM db, TERM cache
        """,
        changed=with_changes(manifest, db=OTHER, cache=OTHER),
    )


def test_a_completed_task_that_changed_runs_again():
    migrate = stack(task("migrate"))
    completed = """
        up migrate       -> migrate starting  | spawn migrate
        spawned migrate  ->
        ends migrate 0   -> migrate completed | clean migrate
    """
    changed = with_changes(migrate, migrate=OTHER)
    play(migrate, completed + "reload changed -> migrate starting | spawn migrate", changed=changed)
    play(migrate, completed + "stop migrate -> \n reload changed -> migrate stopped", changed=changed)


def test_a_completed_task_that_changed_in_place_does_not_run_again():
    migrate = stack(task("migrate"))
    play(
        migrate,
        """
        up migrate       -> migrate starting  | spawn migrate
        spawned migrate  ->
        ends migrate 0   -> migrate completed | clean migrate
        reload changed   ->                   | apply migrate
        """,
        changed=with_changes(migrate, migrate={"logs": Logs(keep=1)}),
    )


def test_a_changed_service_that_is_stopping_for_good_stays_down():
    history = play(
        APP,
        RUNNING
        + """
        stop app        -> app stopping | TERM app
        reload changed  ->
        stops app       -> app stopped  | clean app
        """,
        changed=with_changes(APP, app=OTHER),
    )
    assert history["app"].wanted is Wanted.DOWN


def test_a_changed_service_that_does_not_run_takes_the_new_command_with_its_next_start():
    history = play(
        APP,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        ends app 1      -> app backoff  | clean app
        reload changed  ->
        wait 0.5        -> app starting | spawn app
        """,
        changed=with_changes(APP, app=OTHER),
    )
    assert history["app"].run.argv == ("other",)


def test_a_changed_service_begins_with_a_fresh_budget():
    history = play(
        APP,
        RUNNING
        + """
        ends app 1      -> app backoff  | clean app
        wait 0.5        -> app starting | spawn app
        runs app        -> app ready
        reload changed  -> app stopping | TERM app
        """,
        changed=with_changes(APP, app=OTHER),
    )
    assert history["app"].budget.attempts == ()


def test_a_step_to_spawn_that_is_added_to_the_ladder_is_taken_at_once():
    play(
        stack(external("lm")),
        """
        up lm           -> lm starting | look lm
        nobody lm       -> lm waiting/absent
        reload changed  -> lm starting/None | look lm
        nobody lm       ->                  | spawn lm
        """,
        changed=stack(external("lm", spawned=service("lm"))),
    )


def test_an_absent_external_service_that_became_one_of_ours_is_not_looked_for_any_more():
    play(
        stack(external("lm")),
        """
        up lm           -> lm starting | look lm
        nobody lm       -> lm waiting/absent
        wait 10         ->                  | look lm
        reload changed  -> lm starting/None | hush lm, spawn lm
        runs lm         -> lm ready
        """,
        changed=stack(service("lm")),
    )


def test_a_ladder_that_changed_is_climbed_anew_by_one_that_is_attached():
    play(
        stack(external("lm")),
        """
        up lm           -> lm starting | look lm
        found lm        -> lm ready
        reload changed  -> lm starting | hush lm, look lm
        """,
        changed=stack(external("lm", spawned=service("lm"))),
    )
