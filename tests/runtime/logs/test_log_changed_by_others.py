from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mamctl.runtime.logs.notices import Reset, Trouble
from tests.runtime.logs.stage import texts

if TYPE_CHECKING:
    from tests.runtime.logs.stage import Stage


def test_a_truncated_log_goes_on_at_its_new_end(stage: Stage) -> None:
    stage.say(b"one\ntwo\n")
    os.truncate(stage.files.path, 4)
    stage.say(b"three\n")
    assert stage.content() == b"one\nthree\n"
    assert stage.told(Reset) == [Reset("truncated")]
    assert texts(stage.lines()) == [b"one", b"three"]


def test_positions_do_not_fall_when_a_log_is_truncated(stage: Stage) -> None:
    stage.say(b"one\ntwo\n")
    os.truncate(stage.files.path, 0)
    stage.say(b"three\n", generation=2)
    assert (stage.sink.start, stage.sink.position) == (8, 14)
    assert [(line.position, line.generation) for line in stage.lines()] == [(8, 2)]


def test_a_removed_log_is_made_anew(stage: Stage) -> None:
    stage.say(b"one\n")
    os.unlink(stage.files.path)
    stage.say(b"two\n")
    assert stage.content() == b"two\n"
    assert stage.told(Reset) == [Reset("removed")]


def test_a_log_that_was_moved_away_is_left_alone(stage: Stage, tmp_path: Path) -> None:
    stage.say(b"one\n")
    moved = tmp_path / "moved"
    os.rename(stage.files.path, moved)
    Path(stage.files.path).write_bytes(b"theirs\n")
    stage.say(b"two\n")
    assert moved.read_bytes() == b"one\n"
    assert stage.content() == b"theirs\ntwo\n"
    assert stage.told(Reset) == [Reset("replaced")]


def test_what_others_add_to_a_log_is_not_overwritten(stage: Stage) -> None:
    stage.say(b"one\n")
    with open(stage.files.path, "ab") as file:
        file.write(b"theirs\n")
    stage.say(b"two\n")
    assert stage.content() == b"one\ntheirs\ntwo\n"


def test_a_removed_folder_is_made_anew(stage: Stage) -> None:
    stage.say(b"one\n")
    shutil.rmtree(os.path.dirname(stage.files.path))
    stage.say(b"two\n")
    assert stage.content() == b"two\n"


def test_a_log_truncated_while_nobody_wrote_it_begins_a_new_index(stage: Stage) -> None:
    stage.say(b"one\ntwo\n", generation=3)
    stage.say(b"three\n", generation=4)
    stage.sink.close()
    os.truncate(stage.files.path, 4)
    stage.sink = stage.open()
    assert stage.sink.position == 8
    stage.say(b"four\n", generation=5)
    assert [(line.generation, line.line) for line in stage.lines()] == [(4, b"one"), (5, b"four")]


def test_an_index_that_cannot_be_written_costs_times_and_no_output(stage: Stage) -> None:
    shutil.rmtree(os.path.dirname(stage.files.index))
    Path(os.path.dirname(stage.files.index)).write_text("in the way")
    os.truncate(stage.files.path, 0)
    stage.say(b"one\n")
    os.unlink(stage.files.path)
    stage.say(b"two\n")
    stage.say(b"three\n")
    assert stage.content() == b"two\nthree\n"
    assert texts(stage.lines()) == [b"two", b"three"]
    assert 1 <= len(stage.told(Trouble)) <= 4


def test_a_removed_index_is_written_anew_for_the_next_incarnation(stage: Stage) -> None:
    stage.say(b"one\n", generation=1)
    before = stage.lines()
    shutil.rmtree(os.path.dirname(stage.files.index))
    os.mkdir(os.path.dirname(stage.files.index))
    assert [line.generation for line in stage.lines()] == [0]
    stage.say(b"two\n", generation=2)
    assert stage.lines()[:1] == before
    assert [line.generation for line in stage.lines()] == [1, 2]
