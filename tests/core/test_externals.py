"""External services: attached to, looked for, spawned as the last step, and never stopped unless they are ours."""

from __future__ import annotations

import pytest

from mamctl.core.manifest.model import ExecProbe, Probe
from mamctl.core.states import Ownership
from tests.core.history import play
from tests.core.stacks import LIVE, external, service, stack

LM = stack(external("lm"))
LADDER = stack(external("lm", spawned=service("lm", live=LIVE)))
ATTACHED = """
    up lm     -> lm starting | look lm
    found lm  -> lm ready    | watch lm ready
"""
SPAWNED = """
    up lm      -> lm starting | look lm
    nobody lm  ->             | spawn lm
    runs lm    -> lm ready    | watch lm ready, watch lm live
"""


def test_who_is_there_is_attached_to_and_watched():
    history = play(LADDER, ATTACHED)
    assert history["lm"].ownership is Ownership.EXTERNAL
    assert history["lm"].pid is None
    assert history.said("started") == [("lm", "started")]


def test_without_a_step_to_spawn_it_is_absent_and_looked_for_again_and_again_without_a_word():
    history = play(
        LM,
        """
        up lm      -> lm starting       | look lm
        nobody lm  -> lm waiting/absent | timer lm attach 10
        wait 10    ->                   | look lm
        nobody lm  ->                   | timer lm attach 10
        wait 10    ->                   | look lm
        nobody lm  ->                   | timer lm attach 10
        """,
    )
    assert history.said("waiting") == [("lm", "waiting")]


def test_it_is_attached_to_late():
    play(
        stack(external("lm"), service("app", "lm")),
        """
        up app     -> lm starting, app waiting | look lm
        nobody lm  -> lm waiting/absent
        wait 10    ->                          | look lm
        found lm   -> lm ready, app starting   | spawn app
        """,
    )


def test_a_stranger_who_comes_late_is_a_failure():
    play(
        LM,
        """
        up lm        -> lm starting | look lm
        nobody lm    -> lm waiting/absent
        wait 10      ->             | look lm
        stranger lm  -> lm failed/wrong_service
        """,
    )


def test_up_looks_at_once_for_who_is_absent():
    play(
        LM,
        """
        up lm      -> lm starting       | look lm
        nobody lm  -> lm waiting/absent
        up lm      -> lm starting/None  | look lm
        wait 10    ->
        found lm   -> lm ready
        """,
    )


def test_how_often_it_is_looked_for_is_its_probes_interval():
    probe = Probe(ExecProbe(("who",)), interval=3)
    play(
        stack(external("lm", identify=probe)),
        "up lm -> lm starting | look lm \n nobody lm -> lm waiting | timer lm attach 3",
    )


def test_a_stranger_in_its_place_is_a_failure_and_nothing_is_done_to_him():
    history = play(
        LADDER,
        """
        up lm        -> lm starting             | look lm
        stranger lm  -> lm failed/wrong_service
        wait 1000    ->
        down         -> lm stopped
        """,
    )
    assert history.said("failed") == [("lm", "failed")]


def test_up_tries_again_after_a_stranger():
    play(
        LM,
        """
        up lm        -> lm starting | look lm
        stranger lm  -> lm failed
        up lm        -> lm starting/None | look lm
        found lm     -> lm ready
        """,
    )


def test_nobody_there_means_that_we_spawn_our_own():
    history = play(LADDER, SPAWNED)
    assert history["lm"].ownership is Ownership.MANAGED
    assert history["lm"].generation == 1


def test_a_ladder_without_attach_spawns_at_once():
    play(
        stack(external("lm", attach=False, spawned=service("lm"))),
        """
        up lm    -> lm starting | spawn lm
        runs lm  -> lm ready
        """,
    )


def test_the_start_timeout_and_the_budget_are_those_of_the_spawned_service():
    play(
        stack(external("lm", spawned=service("lm", start_timeout=60))),
        """
        up lm        -> lm starting | look lm
        nobody lm    ->             | spawn lm
        spawned lm   ->             | ask lm, timer lm start 60
        wait 60      -> lm stopping | TERM lm
        stops lm     -> lm backoff  | clean lm
        """,
    )


def test_what_we_spawned_is_stopped():
    play(LADDER, SPAWNED + "stop lm -> lm stopping | TERM lm \n stops lm -> lm stopped | clean lm")


@pytest.mark.parametrize("words", ["stop lm", "down", "kill"])
def test_what_we_attached_to_is_let_go_at_once_and_never_signalled(words):
    history = play(LADDER, ATTACHED + f"{words} -> lm stopped/by_operator | hush lm")
    assert history["lm"].ownership is Ownership.MANAGED
    assert history.said("stopping") == []


def test_what_we_attached_to_is_let_go_before_its_dependants_have_stopped():
    play(
        stack(external("lm"), service("app", "lm")),
        """
        up app    -> lm starting, app waiting | look lm
        found lm  -> lm ready, app starting   | spawn app
        runs app  -> app ready
        down      -> lm stopped, app stopping | TERM app
        """,
    )


def test_one_that_is_lost_is_unhealthy_first_and_then_the_ladder_is_climbed_again():
    history = play(
        LADDER,
        ATTACHED
        + """
        bad lm     ->
        bad lm     ->
        bad lm     -> lm unhealthy
        bad lm     -> lm starting | look lm
        nobody lm  ->             | spawn lm
        runs lm    -> lm ready
        """,
    )
    assert history.said("restarting") == [("lm", "restarting")]
    assert history["lm"].restarts == 0


def test_one_that_is_lost_for_a_moment_is_ready_again():
    play(LM, ATTACHED + "bad lm -> \n bad lm -> \n bad lm -> lm unhealthy \n ok lm -> lm ready")


def test_one_that_is_lost_without_a_step_to_spawn_is_absent_until_it_is_back():
    play(
        LM,
        ATTACHED
        + """
        bad lm     ->
        bad lm     ->
        bad lm     -> lm unhealthy
        bad lm     -> lm starting       | look lm
        nobody lm  -> lm waiting/absent
        wait 10    ->                   | look lm
        found lm   -> lm ready
        """,
    )


def test_one_that_is_attached_has_no_live_probe():
    play(LADDER, ATTACHED + "dead lm -> \n dead lm -> \n dead lm -> \n dead lm ->")


def test_our_own_that_crashes_is_looked_for_before_it_is_spawned_again():
    history = play(
        LADDER,
        SPAWNED
        + """
        ends lm 1  -> lm backoff  | clean lm
        wait 0.5   -> lm starting | look lm
        found lm   -> lm ready
        """,
    )
    assert history["lm"].ownership is Ownership.EXTERNAL
    history.play("wait 59 ->")
    assert len(history["lm"].budget.attempts) == 1
    history.play("wait 1 ->")
    assert history["lm"].budget.attempts == ()


def test_our_own_that_is_not_alive_is_restarted():
    play(LADDER, SPAWNED + "dead lm -> \n dead lm -> \n dead lm -> lm stopping/liveness_failed | TERM lm")


def test_our_own_that_is_unhealthy_stays():
    play(LADDER, SPAWNED + "bad lm -> \n bad lm -> \n bad lm -> lm unhealthy \n bad lm -> \n bad lm ->")


def test_an_answer_to_an_older_look_changes_nothing():
    history = play(
        LM, "up lm -> lm starting | look lm \n nobody lm -> lm waiting \n twice \n wait 10 -> | look lm \n twice"
    )
    assert history["lm"].generation == 2


def test_an_external_service_may_have_dependencies():
    play(
        stack(service("vpn"), external("lm", "vpn")),
        """
        up lm     -> vpn starting, lm waiting | spawn vpn
        runs vpn  -> vpn ready, lm starting   | look lm
        """,
    )
