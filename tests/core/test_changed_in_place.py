"""A manifest that changed what a service is watched by, not what it is run as: it applies in place."""

from __future__ import annotations

from mamctl.core.manifest.model import Logs, RestartPolicy
from tests.core.history import play, with_changes
from tests.core.stacks import LIVE, READY, edges, service, stack, task

APP = stack(service("app"))
DB_APP = stack(service("db"), service("app", "db"))
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""


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
