"""Tasks that run by the clock: when they rest, run, are left out, and what is known after a supervisor died."""

from __future__ import annotations

from mamctl.core.manifest.model import RestartPolicy
from mamctl.core.manifest.schedules import Schedule
from mamctl.core.outcome import Goal, has_reached, is_as_wished, is_hopeless, is_idle, is_settled, unmet
from tests.core.history import play, with_changes
from tests.core.stacks import NEVER, scheduled, service, stack, task

TICK = stack(scheduled("tick"))
WITH_DB = stack(service("db"), scheduled("tick", "db"))
RESTING = "up tick -> tick waiting/scheduled | follow tick \n planned tick 100 ->"
RUNNING = RESTING + "\n due tick -> tick starting | spawn tick \n spawned tick ->"
DONE = RUNNING + "\n ends tick 0 -> tick completed | clean tick"


def warnings(history):
    return [said.data["detail"] for said in history.hands.said if said.kind == "warning"]


def test_up_does_not_run_it_but_lets_it_wait_for_its_time():
    history = play(TICK, RESTING)
    tick = history["tick"]
    assert (tick.detail, tick.next_run_at) == ("next run at 100 o'clock", 100.0)
    assert history.said("waiting") == [("tick", "waiting")]


def test_it_runs_when_its_time_comes_and_again_the_next_time():
    history = play(TICK, DONE + "\n due tick -> tick starting | spawn tick")
    assert history["tick"].generation == 2


def test_its_state_between_runs_tells_what_became_of_the_last_one():
    history = play(TICK, RUNNING + "\n ends tick 3 -> tick failed/exited | clean tick")
    assert (history["tick"].exit_code, history["tick"].next_run_at) == (3, 200.0)


def test_a_failed_run_does_not_end_the_schedule():
    play(
        TICK,
        RUNNING + "\n ends tick 3 -> tick failed/exited | clean tick \n due tick -> tick starting/None | spawn tick",
    )


def test_runs_never_overlap_and_the_one_that_is_left_out_is_told():
    history = play(TICK, RUNNING + "\n due tick ->")
    assert warnings(history) == ["it is time to run, but the run before has not ended (starting): this one is left out"]


def test_its_restart_policy_holds_within_a_run_and_each_run_has_a_budget_of_its_own():
    once = scheduled("tick", restart=RestartPolicy(max_attempts=1))
    crash = "ends tick 1 -> tick backoff | clean tick \n wait 1 -> tick starting | spawn tick \n spawned tick ->"
    play(
        stack(once),
        f"""{RUNNING}
        {crash}
        ends tick 1 -> tick failed/gave_up | clean tick
        due tick    -> tick starting/None | spawn tick
        spawned tick ->
        {crash}
        """,
    )


def test_a_time_that_comes_during_backoff_is_left_out():
    history = play(
        stack(scheduled("tick", restart=RestartPolicy())),
        RUNNING + "\n ends tick 1 -> tick backoff | clean tick \n due tick ->",
    )
    assert "has not ended (backoff)" in warnings(history)[0]


def test_missed_runs_are_told_once_and_not_made_up_for():
    history = play(TICK, RESTING + "\n due tick late missed=3 ->")
    assert len(warnings(history)) == 1
    assert warnings(history)[0].startswith("3 runs were missed: ")
    assert history["tick"].detail == "next run at 200 o'clock"


def test_one_missed_run_beside_one_that_is_due_is_told_and_the_due_one_runs():
    history = play(TICK, RESTING + "\n due tick missed=1 -> tick starting | spawn tick")
    assert warnings(history)[0].startswith("1 run was missed: ")


def test_the_same_time_planned_again_is_no_news():
    history = play(TICK, RESTING + "\n planned tick 100 ->")
    assert history.said("waiting") == [("tick", "waiting")]


def test_a_run_waits_for_its_dependencies():
    play(
        WITH_DB,
        """
        up tick     -> db starting, tick waiting/scheduled | spawn db
        due tick    -> tick waiting/dependency_waiting
        runs db     -> db ready, tick starting | spawn tick
        """,
    )


def test_a_run_whose_dependency_failed_begins_once_that_is_back():
    play(
        WITH_DB,
        """
        up tick     -> db starting, tick waiting/scheduled | spawn db
        missing db  -> db failed
        due tick    -> tick failed/dependency_failed
        up db       -> db starting, tick waiting | spawn db
        runs db     -> db ready, tick starting | spawn tick
        """,
    )


def test_start_runs_it_now_in_whatever_rest_it_is():
    play(TICK, "up-at-once tick -> tick starting | follow tick, spawn tick")
    play(TICK, RESTING + "\n up-at-once tick -> tick starting/None | spawn tick")
    play(TICK, DONE + "\n up-at-once tick -> tick starting | spawn tick")


def test_start_of_one_that_runs_changes_nothing():
    play(TICK, RUNNING + "\n up-at-once tick ->")


def test_restart_runs_it_now():
    play(TICK, RESTING + "\n restart tick -> tick starting/None | spawn tick")


def test_up_lets_one_that_failed_or_was_stopped_wait_for_its_time():
    failed = RUNNING + "\n ends tick 3 -> tick failed/exited | clean tick"
    play(TICK, failed + "\n up tick -> tick waiting/scheduled")
    play(TICK, RESTING + "\n stop tick -> tick stopped/by_operator | forget tick \n up tick -> tick waiting/scheduled")


def test_up_leaves_one_that_completed_as_it_is():
    play(TICK, DONE + "\n up tick ->")


def test_up_during_a_stop_lets_it_rest_afterwards():
    play(
        TICK,
        RUNNING
        + """
        stop tick   -> tick stopping | forget tick, TERM tick
        up tick     -> | follow tick
        stops tick  -> tick waiting/scheduled | clean tick
        """,
    )


def test_after_a_stop_no_time_counts():
    history = play(TICK, RESTING + "\n stop tick -> tick stopped | forget tick \n due tick ->")
    assert history["tick"].next_run_at is None


def test_down_ends_the_schedule_of_one_that_completed():
    history = play(TICK, DONE + "\n down -> | forget tick \n due tick ->")
    assert is_idle(history.hands.services)


def test_while_it_is_wanted_the_stack_is_not_idle_and_it_counts_as_settled():
    history = play(TICK, RESTING)
    services = history.hands.services
    tick = services["tick"]
    assert is_settled(tick, services)
    assert is_as_wished(tick, services)
    assert has_reached(tick, Goal.READY)
    assert not has_reached(tick, Goal.COMPLETED)
    assert not is_hopeless(tick, Goal.COMPLETED, services)
    assert unmet(services) == []
    assert not is_idle(services)
    history.play(
        "due tick -> tick starting | spawn tick \n spawned tick -> \n ends tick 0 -> tick completed | clean tick"
    )
    assert not is_idle(history.hands.services)


def test_it_rests_also_while_what_it_depends_on_is_down():
    history = play(WITH_DB, "up-alone tick -> tick waiting/scheduled")
    assert is_settled(history["tick"], history.hands.services)
    assert not is_idle(history.hands.services)


def test_a_schedule_that_changes_is_followed_anew():
    later = with_changes(TICK, tick={"schedule": Schedule("0 3 * * *")})
    history = play(TICK, RESTING + "\n reload later -> | apply tick, follow tick", later=later)
    assert history["tick"].next_run_at is None


def test_one_that_gets_a_schedule_after_it_completed_waits_for_its_time():
    plain = stack(task("tick"))
    history = play(
        plain,
        """
        up tick      -> tick starting  | spawn tick
        spawned tick ->
        ends tick 0  -> tick completed | clean tick
        reload later -> | apply tick, follow tick
        due tick     -> tick starting | spawn tick
        """,
        later=TICK,
    )
    assert history["tick"].generation == 2


def test_one_that_loses_its_schedule_while_it_rests_runs_as_any_task():
    play(
        TICK,
        RESTING + "\n reload later -> tick starting/None | apply tick, forget tick, spawn tick",
        later=stack(task("tick")),
    )


def test_one_that_loses_its_schedule_while_it_is_stopped_and_wanted_again_runs_as_any_task():
    play(
        TICK,
        RUNNING
        + """
        stop tick    -> tick stopping | TERM tick
        up tick      ->
        reload later ->
        stops tick   -> tick starting | clean tick, spawn tick
        """,
        later=stack(task("tick")),
    )


def test_a_changed_command_is_not_run_before_its_time():
    later = with_changes(TICK, tick={"argv": ("other",)})
    play(TICK, DONE + "\n reload later ->", later=later)
    play(TICK, RESTING + "\n reload later ->", later=later)


def test_a_changed_command_restarts_a_run_under_way():
    later = with_changes(TICK, tick={"argv": ("other",)})
    play(
        TICK,
        RUNNING
        + "\n reload later -> tick stopping | TERM tick \n stops tick -> tick starting | clean tick, spawn tick",
        later=later,
    )


def test_one_that_is_gone_from_the_manifest_is_followed_no_more():
    play(TICK, RESTING + "\n reload later -> tick gone | forget tick", later=stack())


def test_one_that_is_gone_is_still_known_for_what_is_said_of_it():
    history = play(TICK, RESTING + "\n reload later -> tick gone", later=stack())
    known = history.hands.supervisor.known("tick")
    assert known is not None
    assert known.name == "tick"
    assert history.hands.supervisor.known("nobody") is None


def test_one_that_leaves_while_it_runs_is_not_wanted_back():
    play(TICK, RUNNING + "\n reload later -> tick stopping | TERM tick \n up tick -> ", later=stack())


def test_the_end_by_an_essential_service_ends_the_schedule_too():
    both = stack(service("app", essential=True, restart=NEVER), scheduled("tick"))
    history = play(
        both,
        """
        up app tick -> app starting, tick waiting/scheduled | spawn app
        missing app -> app failed, tick stopped | forget tick
        """,
    )
    assert is_idle(history.hands.services)


# Another supervisor ---------------------------------------------------------------------------------------------------


def test_the_next_supervisor_goes_on_from_the_time_that_was_planned():
    history = play(TICK, RESTING + "\n reborn -> | follow tick since 100")
    assert (history["tick"].detail, history["tick"].next_run_at) == ("next run at 100 o'clock", 100.0)


def test_the_next_supervisor_adopts_a_run_under_way_and_starts_no_second():
    play(TICK, RUNNING + "\n reborn -> | follow tick since 200 \n due tick ->")


def test_the_next_supervisor_knows_what_became_of_the_last_run():
    play(TICK, DONE + "\n reborn -> | follow tick since 200")
    play(TICK, DONE + "\n reborn changed=tick -> | follow tick since 200")


def test_a_run_that_was_to_begin_when_the_supervisor_died_begins():
    play(
        WITH_DB,
        """
        up tick  -> db starting, tick waiting/scheduled | spawn db
        due tick -> tick waiting/dependency_waiting
        reborn   -> | spawn db
        """,
    )


def test_the_next_supervisor_follows_nothing_that_was_stopped():
    play(TICK, RESTING + "\n stop tick -> tick stopped \n reborn ->")


def test_it_is_between_runs_while_it_rests_and_after_each_but_a_plain_task_never_is():
    assert play(TICK, RESTING)["tick"].between_runs
    assert play(TICK, DONE)["tick"].between_runs
    assert not play(TICK, RUNNING)["tick"].between_runs
    assert not play(stack(task("once")), "")["once"].between_runs
