"""The manifest read again: what came, what went, what changed in place, and what asks for a new process."""

from __future__ import annotations

from mamctl.core.manifest.model import Logs, RestartPolicy
from mamctl.core.states import Wanted
from tests.core.history import play, with_changes
from tests.core.stacks import LIVE, READY, edges, external, service, stack, task

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


# In place -----------------------------------------------------------------------------------------------------------


def test_keys_that_are_not_about_the_process_apply_in_place():
    history = play(
        APP,
        RUNNING + "reload changed -> | apply app, hush app, watch app ready",
        changed=with_changes(APP, app={"logs": Logs(keep=9), "restart": RestartPolicy(delay=7)}),
    )
    history.play("ends app 1 -> app backoff | clean app, timer app backoff 7")


def test_a_service_that_does_not_run_is_changed_without_a_word_to_it():
    play(APP, "reload changed -> | apply app", changed=with_changes(APP, app={"ready": None}))


def test_a_live_probe_can_be_added_in_place():
    play(
        APP,
        RUNNING + "reload changed -> | hush app, watch app ready, watch app live",
        changed=with_changes(APP, app={"live": LIVE}),
    )


def test_a_ready_probe_that_is_taken_away_while_it_starts_gives_way_to_having_lived():
    play(
        APP,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        wait 10         ->
        reload changed  ->              | hush app, timer app lived 0.1, timer app start 20
        wait 0.1        -> app ready
        """,
        changed=with_changes(APP, app={"ready": None}),
    )


def test_a_ready_probe_that_is_added_while_it_starts_is_waited_for():
    bare = stack(service("app", ready=None))
    play(
        bare,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        reload changed  ->              | hush app, ask app, timer app start 30
        wait 1          ->
        ok app          -> app ready
        """,
        changed=with_changes(bare, app={"ready": READY}),
    )


def test_a_start_timeout_can_be_lengthened_while_it_starts():
    play(
        APP,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        wait 10         ->
        reload changed  ->              | timer app start 50
        wait 49         ->
        wait 1          -> app stopping/start_timeout | TERM app
        """,
        changed=with_changes(APP, app={"start_timeout": 60.0}),
    )


def test_a_start_timeout_can_be_taken_away_while_it_starts():
    play(
        APP,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        reload changed  ->
        wait 1000       ->
        """,
        changed=with_changes(APP, app={"start_timeout": None}),
    )


def test_a_start_timeout_that_is_over_already_stops_it_at_once():
    play(
        APP,
        """
        up app          -> app starting | spawn app
        spawned app     ->
        wait 10         ->
        reload changed  ->              | timer app start 0
        wait 0          -> app stopping | TERM app
        """,
        changed=with_changes(APP, app={"start_timeout": 5.0}),
    )


def test_an_unhealthy_service_whose_ready_probe_is_taken_away_is_ready():
    history = play(
        APP,
        RUNNING + "bad app -> \n bad app -> \n bad app -> app unhealthy \n reload changed -> app ready | hush app",
        changed=with_changes(APP, app={"ready": None}),
    )
    assert history.said("healthy") == [("app", "healthy")]


def test_an_unhealthy_service_stays_so_when_its_probe_changes():
    play(
        APP,
        RUNNING
        + """
        bad app         ->
        bad app         ->
        bad app         -> app unhealthy
        reload changed  -> | hush app, watch app ready, watch app live
        """,
        changed=with_changes(APP, app={"live": LIVE}),
    )


def test_a_task_that_runs_is_not_probed_because_its_entry_changed():
    migrate = stack(task("migrate"))
    play(
        migrate,
        """
        up migrate       -> migrate starting | spawn migrate
        spawned migrate  ->
        reload changed   ->                  | apply migrate, hush migrate
        """,
        changed=with_changes(migrate, migrate={"logs": Logs(keep=1)}),
    )


def test_changed_dependencies_count_at_once():
    play(
        DB_APP,
        "up app -> db starting, app waiting | spawn db \n reload changed -> app starting | spawn app",
        changed=with_changes(DB_APP, app={"depends_on": edges("")}),
    )


def test_a_service_that_failed_by_a_dependency_that_it_no_longer_has_starts():
    play(
        DB_APP,
        """
        up app          -> db starting, app waiting | spawn db
        missing db      -> db failed, app failed
        reload changed  -> app starting | spawn app
        """,
        changed=with_changes(DB_APP, app={"depends_on": edges("")}),
    )


# A new process ------------------------------------------------------------------------------------------------------


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
