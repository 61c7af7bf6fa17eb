"""What a new supervisor makes of what the last one knew: each row of the table in `core.recall`, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mamctl.core.events import Recalled, Remembered
from mamctl.core.manifest.model import LogProbe, Probe
from mamctl.core.past import Past
from mamctl.core.service import Halt, Then
from mamctl.core.states import Ownership, Reason, State, Timer, Wanted
from mamctl.core.supervisor import Supervisor
from tests.core.history import play
from tests.core.stacks import LIVE, NOTIFY, WATCHED, external, service, stack, task

APP = stack(service("app", live=LIVE))
PAIR = stack(service("db"), service("app", "db"))
STARTING = "up app -> app starting | spawn app \n spawned app -> \n"
BOTH = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""
LOG = Probe(LogProbe("listening"))


# Lives: ready or unhealthy ------------------------------------------------------------------------------------------


def test_one_that_is_ready_stays_so_when_the_guardian_was_there_and_is_watched_on():
    history = play(
        APP,
        STARTING
        + """
        ok app         -> app ready
        reborn         ->           | watch app ready, watch app live
        dead app       ->
        """,
    )
    assert history["app"].ownership is Ownership.ADOPTED
    assert (history["app"].generation, history["app"].pid) == (1, 101)
    (said,) = [said for said in history.hands.said if said.kind == "adopted"]
    assert (said.name, said.data["pid"], said.data["state"]) == ("app", 101, "ready")


def test_without_proof_one_that_was_ready_is_asked_first():
    play(APP, STARTING + "ok app -> app ready \n reborn cold later -> app starting | ask app \n ok app -> app ready")


@pytest.mark.parametrize("ready", [None, LOG, NOTIFY], ids=["nothing to ask", "a line in its log", "a message"])
def test_what_is_said_only_once_is_believed_without_proof(ready):
    spec = service("app", ready=ready)
    said = {None: "wait 0.1", LOG: "ok app", NOTIFY: "says app READY=1"}[ready]
    play(stack(spec), STARTING + f"{said} -> app ready \n reborn cold ->")


def test_one_that_is_unhealthy_stays_so_with_its_sentence_until_it_answers():
    history = play(
        APP,
        STARTING
        + """
        ok app     -> app ready
        bad app    ->
        bad app    ->
        bad app    -> app unhealthy
        reborn     ->               | watch app ready, watch app live
        """,
    )
    assert history["app"].detail == "answered 503"
    history.play("ok app -> app ready")


def test_one_that_said_that_it_stops_has_its_time_for_that_once_more():
    play(
        stack(service("app", ready=NOTIFY)),
        STARTING
        + """
        says app READY=1     -> app ready
        says app STOPPING=1  -> app unhealthy | timer app grace 10
        wait 9               ->
        reborn               ->               | timer app grace 10
        wait 10              ->               | KILL app
        """,
    )


def test_dependants_of_an_adopted_service_are_not_restarted_while_it_is_asked_again():
    specs = service("db"), service("app", {"db": "ready restart"})
    play(stack(*specs), BOTH + "reborn cold -> db starting, app starting | ask db, ask app \n ok app -> app ready")


def test_one_that_waits_goes_on_waiting_for_what_is_asked_again():
    play(
        PAIR,
        """
        up app       -> db starting, app waiting | spawn db
        spawned db   ->
        ok db        -> db ready, app starting   | spawn app
        reborn cold  -> db starting, app waiting | ask db
        ok db        -> db ready, app starting   | spawn app
        """,
    )


# Lives: starting ----------------------------------------------------------------------------------------------------


def test_a_start_that_was_watched_all_the_time_has_what_is_left_of_its_deadline():
    play(
        APP,
        STARTING
        + """
        wait 20 ->
        reborn -> | ask app, timer app start 10
        wait 10 -> app stopping/start_timeout | TERM app
        """,
    )


def test_a_start_that_nobody_watched_has_its_whole_deadline_again():
    play(APP, STARTING + "wait 20 -> \n reborn cold later -> | ask app, timer app start 30 \n wait 29 ->")


def test_the_time_that_a_starting_service_asked_for_is_its_own_still():
    play(
        stack(service("app", ready=NOTIFY)),
        STARTING
        + """
        wait 20             ->
        says app EXTEND=60  ->
        reborn              -> | timer app start 10
        wait 10             -> | timer app start 50
        wait 50             -> app stopping/start_timeout | TERM app
        """,
    )


def test_one_whose_deadline_passed_while_nobody_looked_has_its_time_anew():
    play(APP, STARTING + "reborn later -> | ask app, timer app start 30")


def test_one_that_exists_though_its_spawn_was_never_recorded_is_adopted():
    history = play(APP, "up app -> app starting | spawn app \n reborn exist=app -> | ask app, timer app start 30")
    assert (history["app"].pid, history["app"].ownership) == (101, Ownership.ADOPTED)


def test_a_later_spawn_overrules_what_was_written_before_it():
    """Killed between the record of the spawn and that of its service: the old record is of the last incarnation."""
    history = play(
        APP,
        STARTING
        + """
        ok app             -> app ready
        exit app 1         -> app stopping | clean app
        empty app          -> app backoff
        wait 0.5           -> app starting | spawn app
        reborn exist=app   ->              | ask app
        """,
    )
    assert history["app"].generation == 2
    assert (history["app"].restarts, len(history["app"].budget.attempts)) == (1, 1)


# Lives: stopping, or not wanted -------------------------------------------------------------------------------------


def test_a_stop_goes_on_and_is_signalled_again():
    play(
        APP,
        STARTING
        + """
        stop app   -> app stopping/by_operator | TERM app
        wait 9     ->
        reborn     ->                          | hush app, TERM app
        wait 10    ->                          | KILL app
        killed app 9 -> | clean app
        empty app  -> app stopped/by_operator
        """,
    )


def test_what_was_decided_when_the_stop_began_still_follows():
    play(
        APP,
        STARTING
        + """
        restart app -> app stopping | TERM app
        reborn -> | TERM app
        stops app -> app starting | clean app, spawn app
        """,
    )


def test_dependants_stop_before_their_dependency_under_the_next_supervisor_too():
    play(
        PAIR,
        BOTH
        + """
        down        -> db stopping, app stopping | TERM app
        reborn      ->                           | TERM app
        stops app   -> app stopped               | clean app, TERM db
        stops db    -> db stopped                | clean db
        """,
    )


def test_one_that_is_not_wanted_any_more_is_stopped():
    history = recalled(APP, Remembered("app", Past(Wanted.DOWN, state=State.READY, generation=4, spawned_at=1.0), 77))
    assert (history["app"].state, history["app"].reason) == (State.STOPPING, Reason.BY_OPERATOR)


def test_one_whose_entry_in_the_manifest_changed_is_restarted_with_those_who_restart_with_it():
    play(
        stack(service("db"), service("app", {"db": "ready restart"}), service("web", "db")),
        """
        up app web       -> db starting, app waiting, web waiting | spawn db
        runs db          -> db ready, app starting, web starting  | spawn app, spawn web
        runs app web     -> app ready, web ready
        reborn changed=db -> db stopping/changed_on_disk, app stopping/dependency_waiting | TERM app
        stops app        -> app waiting                           | clean app, TERM db
        stops db         -> db starting                           | clean db, spawn db
        """,
    )


def test_one_that_is_not_to_outlive_its_supervisor_is_restarted():
    history = play(APP, STARTING + "ok app -> app ready \n reborn strict -> app stopping | TERM app")
    assert history["app"].detail == "it is not to outlive a supervisor that died"
    history.play("stops app -> app starting | clean app, spawn app")


def test_one_that_cannot_go_on_with_another_supervisor_is_restarted():
    history = play(APP, STARTING + "ok app -> app ready \n reborn torn -> app stopping | TERM app")
    assert history["app"].detail == "nobody knows what it was told"
    history.play("stops app -> app starting | clean app, spawn app")


def test_a_stop_that_made_room_for_its_removal_ends_at_rest_when_it_is_in_the_manifest_again():
    play(
        APP,
        STARTING
        + """
        reload without -> app stopping | TERM app
        reborn         ->              | TERM app
        stops app      -> app stopped  | clean app
        up app         -> app starting | spawn app
        """,
        without=stack(),
    )


# None: stopping, backoff, an end, anything else ---------------------------------------------------------------------


def test_one_that_was_being_cleaned_up_after_is_cleaned_up_after_and_goes_on():
    play(
        APP,
        STARTING
        + """
        exit app 1   -> app stopping/exited | clean app
        reborn       ->                     | clean app
        empty app    -> app backoff/exited
        """,
    )


def test_backoff_lasts_until_the_same_moment():
    spec = service("app", restart=replace(service("app").restart, delay=5, jitter=0))
    play(
        stack(spec),
        STARTING
        + """
        ends app 1  -> app backoff  | clean app
        wait 2      ->
        reborn      ->              | timer app backoff 3
        wait 3      -> app starting | spawn app
        """,
    )


def test_backoff_that_is_over_by_now_ends_at_once():
    play(
        APP,
        STARTING
        + """
        ends app 1 -> app backoff | clean app
        reborn later -> | timer app backoff 0
        wait 0 -> app starting | spawn app
        """,
    )


@pytest.mark.parametrize("when", ["reborn", "reborn cold later"])
def test_an_end_stays_that_end(when):
    manifest = stack(task("once"), task("broken"), service("app"), service("web", "broken"), service("wrong"))
    play(
        manifest,
        f"""
        up once broken app -> once starting, broken starting, app starting | spawn once, spawn broken, spawn app
        up web             -> web waiting
        up wrong           -> wrong starting | spawn wrong
        missing wrong      -> wrong failed/command_not_found
        spawned once broken app ->
        ends once 0        -> once completed | clean once
        ends broken 1      -> broken failed/exited, web failed/dependency_failed | clean broken
        stop app           -> app stopping | TERM app
        stops app          -> app stopped/by_operator | clean app
        {when}             ->
        """,
    )


def test_a_completed_task_whose_entry_changed_runs_again():
    script = "up app -> app starting | spawn app \n spawned app -> \n ends app 0 -> app completed | clean app \n"
    play(stack(task("app")), script + "reborn changed=app -> app starting | spawn app")


def test_one_that_was_waiting_or_had_no_process_yet_is_started():
    play(
        PAIR,
        """
        up app   -> db starting, app waiting | spawn db
        reborn   -> | spawn db
        runs db  -> db ready, app starting   | spawn app
        """,
    )


def test_one_that_was_stopped_while_it_was_being_spawned_is_at_rest():
    play(APP, "up app -> app starting | spawn app \n stop app -> app stopping \n reborn -> app stopped/by_operator")


def test_nothing_is_made_of_a_service_of_which_nothing_is_known():
    supervisor = Supervisor(APP)
    assert supervisor.step(Recalled((), 5.0, proven=True)) == []
    assert supervisor.services["app"].state is State.STOPPED


def test_an_external_service_is_looked_for_again():
    play(
        stack(external("lm"), service("app", "lm")),
        """
        up app     -> lm starting, app waiting | look lm
        found lm   -> lm ready, app starting   | spawn app
        runs app   -> app ready
        reborn     -> lm starting              | watch app ready, look lm
        found lm   -> lm ready
        """,
    )


def test_one_that_is_absent_is_looked_for_at_once():
    play(
        stack(external("lm")),
        "up lm -> lm starting | look lm \n nobody lm -> lm waiting/absent \n reborn -> lm starting | look lm",
    )


# What died unseen ---------------------------------------------------------------------------------------------------


def test_what_died_unseen_is_cleaned_up_after_and_its_end_decides():
    play(
        stack(service("app"), task("once")),
        """
        up app once               -> app starting, once starting | spawn app, spawn once
        runs app                  -> app ready
        spawned once              ->
        reborn killed=app:11 ended=once:0 -> app stopping/killed, once stopping | clean app, clean once
        empty app                 -> app backoff/killed
        empty once                -> once completed
        """,
    )


def test_one_whose_end_nobody_knows_is_said_to_have_ended_unsupervised():
    history = play(
        APP, STARTING + "ok app -> app ready \n reborn cold lost=app -> app stopping/unsupervised_exit | clean app"
    )
    assert (history["app"].exit_code, history["app"].exit_signal) == (None, None)
    assert history.said("adopted") == []
    history.play("empty app -> app backoff/unsupervised_exit")


def test_an_end_that_was_recorded_but_not_what_came_of_it_is_taken_as_it_was():
    play(
        APP,
        STARTING
        + """
        ok app -> app ready
        exit app 78 -> app stopping | clean app
        reborn stale -> | clean app
        empty app -> app failed/config_error
        """,
    )


def test_one_that_died_while_it_was_stopped_is_stopped_and_not_restarted():
    # The signal is nobody's: its process is known to be dead.
    play(
        APP,
        STARTING
        + """
        stop app -> app stopping | TERM app
        reborn lost=app -> | TERM app, clean app
        empty app -> app stopped/by_operator
        """,
    )


# What lasts ---------------------------------------------------------------------------------------------------------


def test_generation_restarts_budget_and_the_last_exit_are_taken_over():
    history = play(
        APP,
        STARTING
        + """
        ends app 3   -> app backoff  | clean app
        reborn       ->
        wait 0.5     -> app starting | spawn app
        """,
    )
    app = history["app"]
    assert (app.generation, app.restarts, len(app.budget.attempts), app.exit_code) == (2, 1, 1, 3)


def test_a_budget_that_is_spent_stays_spent():
    spec = service("app", restart=replace(service("app").restart, max_attempts=1))
    play(
        stack(spec),
        STARTING
        + """
        ends app 1   -> app backoff  | clean app
        wait 1       -> app starting | spawn app
        spawned app  ->
        reborn cold  ->
        ends app 1   -> app failed/gave_up | clean app
        """,
    )


def test_ready_time_before_counts_towards_the_budgets_end():
    history = play(
        APP,
        STARTING
        + """
        ends app 1  -> app backoff  | clean app
        wait 0.5    -> app starting | spawn app
        runs app    -> app ready
        wait 40     ->
        reborn      -> | timer app stable 20
        wait 20     ->
        """,
    )
    assert history["app"].budget.attempts == ()


def test_ready_time_that_was_long_enough_already_clears_it_at_once():
    script = "ends app 1 -> app backoff | clean app \n wait 1 -> app starting | spawn app \n runs app -> app ready \n"
    history = play(APP, STARTING + script + "reborn later -> | timer app stable 0 \n wait 0 ->")
    assert history["app"].budget.attempts == ()


def test_the_watchdog_runs_on_with_one_whole_period():
    play(
        stack(service("app", ready=WATCHED)),
        STARTING
        + """
        says app READY=1  -> app ready
        wait 9            ->
        reborn            -> | timer app watchdog 10
        wait 9.9          ->
        wait 0.1          -> app stopping/watchdog | TERM app
        """,
    )


def test_the_period_that_a_service_chose_for_itself_holds_on():
    script = "says app READY=1 WATCHDOG_SECONDS=3 -> app ready \n reborn cold -> | timer app watchdog 3"
    play(stack(service("app", ready=WATCHED)), STARTING + script)


def test_one_that_is_wanted_alone_does_not_wait_for_its_dependencies():
    script = "up-alone app -> app starting | spawn app \n spawned app -> \n exit app 1 -> app stopping | clean app \n"
    play(PAIR, script + "reborn -> | clean app \n empty app -> app backoff \n wait 1 -> app starting | spawn app")


def test_an_essential_service_that_failed_goes_on_ending_everything():
    specs = service("db", restart=replace(service("db").restart, max_attempts=0), essential=True), service("app")
    history = play(
        stack(*specs),
        """
        up db app  -> db starting, app starting | spawn db, spawn app
        runs db    -> db ready
        runs app   -> app ready
        ends db 1  -> db failed, app stopping   | clean db, TERM app
        reborn     ->                           | TERM app
        """,
    )
    assert "essential" in history.hands.supervisor.ending


def test_whoever_dies_again_and_again_loses_nothing():
    script = (
        STARTING
        + """
        ends app 1 -> app backoff | clean app
        wait 1 -> app starting | spawn app
        runs app -> app ready \n
        """
    )
    history = play(APP, script + 10 * "reborn -> \n" + 10 * "reborn cold -> app starting \n ok app -> app ready \n")
    assert (history["app"].generation, history["app"].restarts) == (2, 1)
    assert history.hands.running["app"].pid == history["app"].pid


def recalled(manifest, *found, proven=True):
    """The services of a supervisor that recalls these."""
    supervisor = Supervisor(manifest)
    supervisor.step(Recalled(found, 100.0, proven))
    return supervisor.services


def test_a_record_without_the_time_of_the_spawn_counts_from_now():
    past = Past(state=State.STARTING, generation=1)
    assert recalled(APP, Remembered("app", past, 77))["app"].spawned_at == 100.0


@pytest.mark.parametrize("spawned_at", [None, 1.0])
def test_a_stop_without_its_reason_ends_by_what_is_wanted(spawned_at):
    """No version wrote this; whoever finds it must not hang."""
    past = Past(Wanted.DOWN, state=State.STOPPING, generation=1, spawned_at=spawned_at)
    assert recalled(APP, Remembered("app", past))["app"].state is State.STOPPED
    assert recalled(APP, Remembered("app", past, 77))["app"].halt == Halt(Then.REST, Reason.BY_OPERATOR, signalled=True)


def test_backoff_without_its_moment_starts_at_once():
    assert recalled(APP, Remembered("app", Past(state=State.BACKOFF)))["app"].state is State.STARTING


def test_timers_of_the_supervisor_before_are_nobodys():
    services = recalled(APP, Remembered("app", Past(state=State.READY, generation=1, ready_at=1.0), 77))
    assert Timer.START not in services["app"].timers
