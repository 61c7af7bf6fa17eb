from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.logs import chain
from mamctl.runtime.logs.follower import Follower
from tests.runtime.logs.stage import rest_of, texts, within

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from mamctl.runtime.logs.chain import Reading
    from mamctl.runtime.logs.reader import Line, LogFiles
    from tests.runtime.logs.stage import Stage


def test_a_rename_under_way_is_waited_for(stage: Stage, follower: Follower) -> None:
    stage.say(b"one\n")
    os.rename(stage.files.path, stage.files.path + ".1")
    assert texts(rest_of(follower)) == [b"one"]
    os.rename(stage.files.path + ".1", stage.files.path)
    stage.say(b"two\n")
    assert texts(rest_of(follower)) == [b"two"]


def test_a_rotation_in_the_middle_of_a_step_hides_nothing(
    staged: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged(max_size=10, keep=50)
    real, later = chain.open_reading, list(range(8, 3, -1))

    def rotating(files: LogFiles, number: int) -> Reading | None:
        if later:
            stage.say(b"line number %d\n" % later.pop())
        return real(files, number)

    with Follower([stage.files]) as follower:
        for number in range(4):
            stage.say(b"line number %d\n" % number)
        monkeypatch.setattr("mamctl.runtime.logs.trail.open_reading", rotating)
        found: list[Line] = []
        within(lambda: not later and len(found) >= 9, lambda _: found.extend(follower.poll()))
        assert texts(found) == [b"line number %d" % number for number in range(9)]


def test_a_rotation_while_a_tail_opens_its_files_hides_and_doubles_nothing(
    staged: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged(max_size=10, keep=50)
    real, later = chain.open_reading, list(range(8, 3, -1))

    def rotating(files: LogFiles, number: int) -> Reading | None:
        found = real(files, number)
        if later:
            stage.say(b"line number %d\n" % later.pop())
        return found

    for number in range(4):
        stage.say(b"line number %d\n" % number)
    monkeypatch.setattr(chain, "open_reading", rotating)
    # Line 4 came into the file that was opened first.
    assert texts(stage.lines()) == [b"line number %d" % number for number in range(5)]
