"""Ladders with run steps: a starter that returns, an answer that is waited for, a release; also over deaths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mamctl.core.events import ErrandEnded
from mamctl.core.manifest.ladder import LOOK, External, Starter
from mamctl.core.states import Errand, Ownership
from tests.core.history import play, with_changes
from tests.core.stacks import READY, external, service, stack

LM = stack(external("lm", runs=1, release=True))
LEFT = stack(external("lm", runs=1))
STARTED = """
    up lm       -> lm starting | look lm
    nobody lm   ->             | run lm start
    returns lm  ->             | ask lm
    ok lm       -> lm ready    | watch lm ready
"""


def details(history, kind="warning"):
    return [said.data["detail"] for said in history.hands.said if said.kind == kind]


def test_what_a_starter_began_is_external_and_says_so():
    history = play(LM, STARTED)
    assert (history["lm"].ownership, history["lm"].pid) == (Ownership.EXTERNAL, None)
    assert (history["lm"].begun, history["lm"].detail) == (True, "started here, by a run step")
    assert history.said("starting", "started") == [("lm", "starting"), ("lm", "started")]


def test_who_stands_already_is_attached_to_and_nothing_is_run():
    history = play(LM, "up lm -> lm starting | look lm \n found lm -> lm ready \n down -> lm stopped")
    assert history["lm"].detail is None


def test_what_we_began_is_released_when_it_is_stopped():
    history = play(LM, STARTED + "stop lm -> lm stopping | run lm release \n returns lm -> lm stopped/by_operator")
    assert history.said("stopping", "stopped") == [("lm", "stopping"), ("lm", "stopped")]
    assert not history["lm"].begun


def test_without_a_release_it_is_let_go_of_and_known_again():
    history = play(LEFT, STARTED + "stop lm -> lm stopped \n up lm -> lm starting | look lm \n found lm -> lm ready")
    assert history["lm"].detail == "started here, by a run step"


def test_it_is_released_after_who_needs_it_has_stopped():
    play(
        stack(external("lm", runs=1, release=True), service("app", "lm")),
        """
        up app      -> lm starting, app waiting | look lm
        nobody lm   ->                          | run lm start
        returns lm  ->
        ok lm       -> lm ready, app starting   | spawn app
        runs app    -> app ready
        down        -> lm stopping, app stopping | TERM app
        stops app   -> app stopped              | clean app, run lm release
        returns lm  -> lm stopped
        """,
    )


def test_a_restart_releases_it_and_climbs_again():
    play(LM, STARTED + "restart lm -> lm stopping | run lm release \n returns lm -> lm starting | look lm")


def test_one_that_is_lost_is_released_before_it_is_started_again():
    play(
        LM,
        STARTED
        + """
        bad lm  ->
        bad lm  ->
        bad lm  -> lm unhealthy
        bad lm  -> lm stopping/absent | run lm release
        fails lm  -> lm starting      | look lm
        nobody lm ->                  | run lm start
        """,
    )


def test_a_starter_that_fails_leads_to_the_next_step_and_to_no_release():
    history = play(
        stack(external("lm", runs=2, release=True)),
        """
        up lm      -> lm starting | look lm
        nobody lm  ->             | run lm start
        fails lm   ->             | run lm start
        fails lm   -> lm waiting/absent
        stop lm    -> lm stopped
        """,
    )
    assert details(history) == ["its run step ended with code 1"] * 2


def test_the_step_after_the_last_starter_is_our_own_process():
    history = play(
        stack(external("lm", runs=1, release=True, spawned=service("lm"))),
        """
        up lm      -> lm starting | look lm
        nobody lm  ->             | run lm start
        fails lm   ->             | spawn lm
        runs lm    -> lm ready
        stop lm    -> lm stopping | TERM lm
        stops lm   -> lm stopped  | clean lm
        """,
    )
    assert history.said("released") == []


def test_a_starter_that_hangs_is_ended_at_the_start_timeout():
    history = play(
        LM,
        """
        up lm      -> lm starting       | look lm
        nobody lm  ->                   | run lm start, timer lm start 30
        wait 30    -> lm waiting/absent | cancel lm
        """,
    )
    assert details(history) == ["its run step did not end within 30 s, so it was ended"]


def test_one_that_does_not_answer_in_time_is_absent_and_attached_to_late():
    history = play(
        LM,
        """
        up lm       -> lm starting | look lm
        nobody lm   ->             | run lm start
        wait 10     ->
        returns lm  ->             | ask lm
        bad lm      ->
        wait 20     -> lm waiting/absent
        wait 10     ->             | look lm
        found lm    -> lm ready
        stop lm     -> lm stopping | run lm release
        """,
    )
    assert details(history) == ["its run step ended well, but it was not there within 30 s: answered 503"]


def test_a_limit_that_the_manifest_takes_away_ends_no_supervisor():
    endless = stack(external("lm", runs=1, release=True, start_timeout=None))
    history = play(
        LM,
        """
        up lm       -> lm starting | look lm
        nobody lm   ->             | run lm start
        reload endless ->
        wait 30     -> lm waiting/absent | cancel lm
        """,
        endless=endless,
    )
    assert details(history) == ["its run step did not end in time, so it was ended"]


def test_one_without_a_limit_is_waited_for():
    play(
        stack(external("lm", runs=1, start_timeout=None)),
        "up lm -> lm starting | look lm \n nobody lm -> | run lm start \n wait 1000 -> \n returns lm -> | ask lm",
    )


def test_what_may_still_be_starting_is_released_too():
    play(
        LM,
        """
        up lm       -> lm starting | look lm
        nobody lm   ->             | run lm start
        returns lm  ->             | ask lm
        wait 30     -> lm waiting/absent
        down        -> lm stopping | run lm release
        returns lm  -> lm stopped
        """,
    )


def test_a_starter_is_ended_before_what_it_began_is_released():
    play(
        LM,
        """
        up lm      -> lm starting | look lm
        nobody lm  ->             | run lm start
        stop lm    -> lm stopping | cancel lm, run lm release
        """,
    )


def test_a_starter_is_ended_when_nothing_is_to_be_released():
    play(LEFT, "up lm -> lm starting | look lm \n nobody lm -> | run lm start \n stop lm -> lm stopped | cancel lm")


def test_a_release_that_hangs_is_ended_at_the_grace_period():
    history = play(LM, STARTED + "stop lm -> lm stopping | run lm release \n wait 10 -> lm stopped | cancel lm")
    assert details(history) == ["its release command did not end within 10 s, so it was ended"]


def test_a_release_that_fails_is_told():
    history = play(LM, STARTED + "stop lm -> lm stopping | run lm release \n fails lm -> lm stopped")
    assert details(history) == ["its release command ended with code 1"]
    assert history["lm"].detail == "its release command ended with code 1; it may still be there"


def test_patience_ends_a_release_too():
    history = play(LM, STARTED + "down -> lm stopping | run lm release \n kill -> lm stopped | cancel lm")
    assert details(history) == ["its release command did not end before the operator lost patience, so it was ended"]


def test_a_stranger_in_the_place_of_what_we_began_is_not_released():
    play(
        LEFT,
        STARTED
        + """
        stop lm      -> lm stopped
        up lm        -> lm starting | look lm
        stranger lm  -> lm failed/wrong_service
        reload releasing ->
        stop lm      -> lm stopped
        """,
        releasing=LM,
    )


def test_a_release_that_the_manifest_takes_back_is_ended():
    play(LM, STARTED + "stop lm -> lm stopping | run lm release \n reload left -> lm stopped | cancel lm", left=LEFT)


def test_steps_are_taken_in_their_order_and_what_we_began_is_looked_for_first():
    rungs = (Starter(("one",)), LOOK)
    lm = replace(external("lm"), external=External(READY, rungs))
    play(
        stack(lm),
        """
        up lm       -> lm starting | run lm start
        fails lm    ->             | look lm
        nobody lm   -> lm waiting/absent
        up lm       -> lm starting | run lm start
        returns lm  ->             | ask lm
        ok lm       -> lm ready
        stop lm     -> lm stopped
        up lm       -> lm starting | look lm
        nobody lm   ->             | run lm start
        """,
    )


def test_the_end_of_another_command_means_nothing():
    history = play(LM, STARTED)
    for errand in Errand:
        assert history.hands.unchanged_by(ErrandEnded("lm", history["lm"].generation, errand, None, history.hands.now))


# Over the death of a supervisor -------------------------------------------------------------------------------------


def test_what_we_began_is_found_again_and_released_by_the_next_supervisor():
    play(
        LM,
        STARTED
        + """
        reborn      -> lm starting | look lm
        found lm    -> lm ready
        stop lm     -> lm stopping | run lm release
        returns lm  -> lm stopped
        """,
    )


def test_what_was_being_started_is_asked_and_not_started_twice():
    play(
        LM,
        """
        up lm      -> lm starting | look lm
        nobody lm  ->             | run lm start
        reborn     -> lm starting | ask lm, timer lm start 30
        ok lm      -> lm ready
        """,
    )


def test_a_release_that_was_under_way_is_run_again():
    play(
        LM,
        STARTED
        + """
        stop lm     -> lm stopping | run lm release
        reborn      -> lm stopping | run lm release
        returns lm  -> lm stopped/by_operator
        """,
    )


def test_what_is_to_be_stopped_before_it_was_found_again_is_released():
    play(
        stack(service("db"), external("lm", "db", runs=1, release=True)),
        """
        up lm      -> db starting, lm waiting | spawn db
        runs db    -> db ready, lm starting | look lm
        nobody lm  ->             | run lm start
        returns lm ->
        ok lm      -> lm ready
        reborn ended=db:1 -> db stopping, lm waiting | clean db
        stop lm    -> lm stopping | run lm release
        returns lm -> lm stopped
        """,
    )


def test_what_was_left_and_is_stopped_stays_so():
    play(LEFT, STARTED + "stop lm -> lm stopped \n reborn ->")


def test_a_changed_ladder_is_climbed_from_its_beginning():
    play(
        LM,
        """
        up lm      -> lm starting | look lm
        nobody lm  ->             | run lm start
        reborn changed=lm -> lm starting | look lm
        """,
    )


# Stop commands ------------------------------------------------------------------------------------------------------

STOPPED_BY = with_changes(stack(service("app")), app={"stop": replace(service("x").stop, command=("stop",))})
RUNS = "up app -> app starting | spawn app \n runs app -> app ready \n"


def test_a_stop_command_is_run_instead_of_the_signal():
    play(
        STOPPED_BY,
        RUNS
        + """
        stop app     -> app stopping | run app stop, timer app grace 10
        returns app  ->
        exit app 0   -> app stopping | clean app
        empty app    -> app stopped/by_operator
        """,
    )


def test_one_that_fails_is_followed_by_the_signal_at_once():
    history = play(
        STOPPED_BY,
        RUNS + "stop app -> app stopping | run app stop \n fails app -> | TERM app \n wait 10 -> | KILL app",
    )
    assert details(history)[0] == "its stop command ended with code 1"


def test_one_that_hangs_is_ended_with_its_service():
    history = play(STOPPED_BY, RUNS + "stop app -> app stopping | run app stop \n wait 10 -> | cancel app, KILL app")
    assert details(history) == ["did not stop within 10 s, so it is killed; its stop command has not ended either"]


def test_one_that_fails_after_its_service_has_ended_is_told_and_no_more():
    history = play(
        STOPPED_BY,
        RUNS + "stop app -> app stopping | run app stop \n exit app 0 -> app stopping | clean app \n fails app ->",
    )
    assert details(history) == ["its stop command ended with code 1"]


def test_patience_ends_a_stop_command_with_its_service():
    play(STOPPED_BY, RUNS + "down -> app stopping | run app stop \n kill -> | cancel app, KILL app")


def test_a_crash_runs_no_stop_command():
    play(STOPPED_BY, RUNS + "ends app 1 -> app backoff | clean app")


@pytest.mark.parametrize("said", ["", "returns app ->"])
def test_the_next_supervisor_runs_it_again(said):
    play(STOPPED_BY, RUNS + f"stop app -> app stopping | run app stop \n {said} \n reborn -> | run app stop")
