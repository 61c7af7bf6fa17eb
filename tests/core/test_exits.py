"""What an exit means, and the sentence for it."""

from __future__ import annotations

import pytest

from mamctl.core.events import Exited, OverMemory, Shortage
from mamctl.core.exits import sentence, shell_code, verdict
from mamctl.core.manifest.model import Limits
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import Reason, State
from tests.core.history import play
from tests.core.stacks import NEVER, service, stack

MB = 10**6
LIMITED = service("app", limits=Limits(memory=100 * MB))
RUNNING = """
    up app    -> app starting | spawn app
    runs app  -> app ready
"""


@pytest.mark.parametrize(
    ("code", "signal", "words"),
    [
        (0, None, "ended with code 0"),
        (137, None, "ended with code 137"),
        (None, 9, "was killed by signal 9 (KILL)"),
        (None, 11, "was killed by signal 11 (SEGV)"),
        (None, 34, "was killed by signal 34"),
        (None, None, "ended while nobody supervised it: how is not known"),
    ],
)
def test_an_exit_is_told_in_a_sentence(code, signal, words):
    assert sentence(code, signal) == words


@pytest.mark.parametrize(
    ("state", "code", "signal", "told"),
    [
        (State.COMPLETED, 0, None, 0),
        (State.COMPLETED, 3, None, 3),
        (State.FAILED, 7, None, 7),
        (State.FAILED, None, 9, 137),
        (State.FAILED, 0, None, 1),
        (State.FAILED, None, None, 1),
        (State.STOPPED, None, 15, 143),
        (State.STOPPED, None, None, 0),
    ],
)
def test_an_end_is_told_as_a_shell_tells_it_and_a_failure_is_never_zero(state, code, signal, told):
    assert shell_code(Service(service("app"), state=state, exit_code=code, exit_signal=signal)) == told


def test_78_is_a_matter_of_configuration_that_another_try_cannot_mend():
    detail = "ended with code 78: it says its configuration is wrong"
    assert verdict(service("app"), 78, None) == Halt(Then.FAIL, Reason.CONFIG_ERROR, detail)


def test_78_can_be_declared_a_success():
    assert verdict(service("app", success_exit_codes=frozenset({78})), 78, None).then is Then.COMPLETE


def test_0_is_no_success_when_the_manifest_says_so():
    assert verdict(service("app", success_exit_codes=frozenset({3})), 0, None).then is Then.RETRY


def test_an_end_that_nobody_saw_is_a_failure():
    detail = "ended while nobody supervised it: how is not known"
    assert verdict(service("app"), None, None) == Halt(Then.RETRY, Reason.UNSUPERVISED_EXIT, detail)
    assert verdict(service("app", restart=NEVER), None, None).then is Then.FAIL


def test_who_is_killed_for_want_of_memory_is_not_called_killed_by_somebody():
    detail = "was killed by the kernel: out of memory"
    assert verdict(service("app"), None, 9, Shortage.MACHINE) == Halt(Then.RETRY, Reason.OOM, detail)
    assert verdict(service("app"), None, 9).reason is Reason.KILLED


def test_a_shell_tells_of_its_child_that_was_killed_for_want_of_memory():
    detail = "ended with code 137: its process was killed by the kernel: out of memory"
    assert verdict(service("app"), 137, None, Shortage.MACHINE) == Halt(Then.RETRY, Reason.OOM, detail)


@pytest.mark.parametrize(("code", "signal"), [(1, None), (None, 11), (None, None)])
def test_want_of_memory_explains_no_other_end(code, signal):
    assert verdict(service("app"), code, signal, Shortage.MACHINE) == verdict(service("app"), code, signal)


def test_want_of_memory_within_its_own_limit_is_told_with_the_limit():
    detail = "was killed by the kernel: it needed more than its memory limit of 100 MB"
    assert verdict(LIMITED, None, 9, Shortage.LIMIT) == Halt(Then.RETRY, Reason.MEMORY_LIMIT, detail)
    assert verdict(LIMITED, None, 9, Shortage.MACHINE).reason is Reason.OOM
    assert verdict(service("app"), None, 9, Shortage.LIMIT).reason is Reason.OOM


def test_why_it_was_killed_is_kept_while_it_is_tried_again():
    history = play(stack(service("app")), RUNNING)
    hands = history.hands
    process = hands.running.pop("app")
    hands.step(Exited("app", process.generation, None, 9, hands.now, shortage=Shortage.MACHINE))
    history.play("empty app -> app backoff/oom")
    assert history["app"].detail == "was killed by the kernel: out of memory"


def test_an_end_that_nobody_saw_while_it_was_being_stopped_is_the_stop():
    history = play(stack(service("app")), RUNNING)
    history.play("stop app -> app stopping/by_operator | TERM app")
    history.hands.exit("app")
    history.play("empty app -> app stopped/by_operator")


def over(history, used, generation=1):
    return history.hands.step(OverMemory("app", generation, used, history.hands.now))


def test_one_over_its_memory_limit_is_stopped_and_started_again_through_the_budget():
    history = play(stack(LIMITED), RUNNING)
    over(history, 123_456_789)
    assert (history["app"].state, history["app"].reason) == (State.STOPPING, Reason.MEMORY_LIMIT)
    history.play(
        """
        killed app 15 -> app stopping/memory_limit | clean app
        empty app     -> app backoff/memory_limit
        wait 0.5      -> app starting | spawn app
        """
    )
    assert history["app"].restarts == 1


def test_one_over_its_memory_limit_is_told_with_both_figures():
    history = play(stack(LIMITED), RUNNING)
    over(history, 123_456_789)
    assert history["app"].detail == "used 123 MB of memory, more than its limit of 100 MB"


def test_one_that_starts_can_be_over_its_limit_too():
    history = play(stack(LIMITED), "up app -> app starting | spawn app")
    history.play("spawned app ->")
    over(history, 101 * MB)
    assert history["app"].state is State.STOPPING


def test_one_over_its_limit_that_must_not_be_restarted_fails():
    history = play(stack(service("app", limits=LIMITED.limits, restart=NEVER)), RUNNING)
    over(history, 101 * MB)
    history.play(
        """
        killed app 15 -> app stopping | clean app
        empty app     -> app failed/memory_limit
        """
    )


def test_a_count_that_comes_late_or_is_within_the_limit_changes_nothing():
    history = play(stack(LIMITED), RUNNING)
    assert history.hands.unchanged_by(OverMemory("app", 1, 100 * MB, 0.0))
    assert history.hands.unchanged_by(OverMemory("app", 0, 101 * MB, 0.0))
    history.play("stop app -> app stopping/by_operator | TERM app")
    assert history.hands.unchanged_by(OverMemory("app", 1, 101 * MB, 0.0))
    history.play("stops app -> app stopped | clean app")
    assert history.hands.unchanged_by(OverMemory("app", 1, 101 * MB, 0.0))


def test_without_a_limit_nothing_is_over_it():
    history = play(stack(service("app")), RUNNING)
    assert history.hands.unchanged_by(OverMemory("app", 1, 10**15, 0.0))
