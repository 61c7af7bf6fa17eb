import pytest

from mamctl.core.errors import ManifestError
from mamctl.core.manifest.schedules import Schedule
from mamctl.runtime.manifest import load


def manifest(schedule: str) -> str:
    return f"services:\n  a:\n    kind: task\n    command: [run]\n    schedule: {schedule}\n"


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ('"*/5 * * * *"', Schedule("*/5 * * * *")),
        ('"@daily"', Schedule("0 0 * * *")),
        ('{cron: "0 3 * * mon-fri", timezone: Europe/Berlin}', Schedule("0 3 * * mon-fri", "Europe/Berlin")),
    ],
)
def test_a_schedule_is_read(stack, written, schedule):
    assert load(stack.write(manifest(written)), environ={}).services["a"].schedule == schedule


@pytest.mark.parametrize(
    ("written", "key", "message"),
    [
        ('"99 * * * *"', "services.a.schedule", "'99 * * * *' is not a cron expression: bad minute"),
        ('"0 0 30 2 *"', "services.a.schedule", "bad day-of-month"),
        ('"0 0 * 2 mon#6"', "services.a.schedule", "bad day-of-week"),
        ('"0 0 29 2 mon#1"', "services.a.schedule", None),
        ('{cron: "@daily", timezone: Europe/Nowhere}', "services.a.schedule.timezone", "is not a time zone"),
        ('{cron: "@daily", timezone: ../../etc/passwd}', "services.a.schedule.timezone", "is not a time zone"),
    ],
)
def test_one_that_cannot_be_followed_is_a_problem_at_its_key(stack, written, key, message):
    path = stack.write(manifest(written))
    if message is None:
        assert load(path, environ={}).services
        return
    with pytest.raises(ManifestError) as raised:
        load(path, environ={})
    (problem,) = raised.value.problems
    assert problem.key == key
    assert message in problem.message
    assert problem.line == 5
    assert problem.hint


def test_one_that_does_not_look_like_one_is_one_problem_only(stack):
    with pytest.raises(ManifestError) as raised:
        load(stack.write(manifest("sometimes")), environ={})
    assert [problem.key for problem in raised.value.problems] == ["services.a.schedule"]
