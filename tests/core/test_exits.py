"""What an exit means, and the sentence for it."""

from __future__ import annotations

import pytest

from mamctl.core.exits import sentence, verdict
from mamctl.core.service import Halt, Then
from mamctl.core.states import Reason
from tests.core.stacks import NEVER, service


@pytest.mark.parametrize(
    ("code", "signal", "words"),
    [
        (0, None, "exited with code 0"),
        (137, None, "exited with code 137"),
        (None, 9, "killed by SIGKILL"),
        (None, 34, "killed by signal 34"),
        (None, None, "ended, its status is unknown"),
    ],
)
def test_an_exit_is_told_in_a_sentence(code, signal, words):
    assert sentence(code, signal) == words


def test_78_is_a_matter_of_configuration_that_another_try_cannot_mend():
    detail = "exited with code 78: it says its configuration is wrong"
    assert verdict(service("app"), 78, None) == Halt(Then.FAIL, Reason.CONFIG_ERROR, detail)


def test_78_can_be_declared_a_success():
    assert verdict(service("app", success_exit_codes=frozenset({78})), 78, None).then is Then.COMPLETE


def test_0_is_no_success_when_the_manifest_says_so():
    assert verdict(service("app", success_exit_codes=frozenset({3})), 0, None).then is Then.RETRY


def test_an_unknown_status_is_a_failure():
    assert verdict(service("app"), None, None) == Halt(Then.RETRY, Reason.EXITED, "ended, its status is unknown")
    assert verdict(service("app", restart=NEVER), None, None).then is Then.FAIL
