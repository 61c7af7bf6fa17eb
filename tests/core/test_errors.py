"""The tree of errors: what people read, and what the command line ends with."""

from __future__ import annotations

import pytest

from mamctl.core.errors import MamctlError, ManifestError, NoSupervisor, Problem, TimedOut, UsageError


@pytest.mark.parametrize(
    ("error", "code"), [(MamctlError, 1), (UsageError, 2), (NoSupervisor, 4), (TimedOut, 5)], ids=str
)
def test_each_error_has_its_exit_code_a_message_and_a_hint(error, code):
    raised = error("port 5001 is taken", "stop who holds it")
    assert (raised.exit_code, raised.message, raised.hint, str(raised)) == (
        code,
        "port 5001 is taken",
        "stop who holds it",
        "port 5001 is taken",
    )


def test_a_problem_names_its_place_and_key():
    assert str(Problem("services.yaml", 3, 5, "services.a.port", "must be a number")) == (
        "services.yaml:3:5: services.a.port: must be a number"
    )


def test_a_problem_of_the_whole_file_has_no_key():
    assert str(Problem("services.yaml", 1, 1, "", "is empty")) == "services.yaml:1:1: is empty"


def test_a_manifest_error_counts_its_problems_and_is_a_usage_error():
    problem = Problem("services.yaml", 1, 1, "", "is empty")
    assert str(ManifestError((problem,))) == "the manifest has 1 problem"
    assert str(ManifestError((problem, problem))) == "the manifest has 2 problems"
    assert ManifestError((problem,)).exit_code == 2
    assert ManifestError((problem,)).problems == (problem,)
