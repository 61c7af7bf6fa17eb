from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.files import numbered
from mamctl.runtime.logs.logfile import LONGEST, LogFile
from mamctl.runtime.logs.notices import Rotated, Trouble
from mamctl.runtime.logs.reader import LogFiles, tail
from tests.runtime.logs.stage import texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtime.logs.stage import Stage

NUMBERED = "import sys\nfor n in range({count}): sys.stdout.write(f'{{n:09}} ' + 'x' * (n % 150) + '\\n')"


def numbered_bytes(count: int) -> int:
    return sum(11 + n % 150 for n in range(count))


def test_a_flood_over_many_files_loses_tears_and_doubles_no_line(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=300_000, keep=100)
    process = stage.spawn(NUMBERED.format(count=40_000))
    stage.landed(numbered_bytes(40_000))
    assert stage.ended(process) == 0
    rotations = stage.told(Rotated)
    assert len(rotations) >= 10
    for number in range(1, len(rotations) + 1):
        assert stage.content(number).endswith(b"\n")
    assert [int(line[:9]) for line in stage.everything().splitlines()] == list(range(40_000))
    assert [int(line.line[:9]) for line in stage.lines()] == list(range(40_000))


def test_only_as_many_old_files_are_kept_as_asked_for(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=2)
    for number in range(5):
        stage.say(b"line %d, long\n" % number)
    assert [stage.content(n) for n in (0, 1, 2)] == [b"", b"line 4, long\n", b"line 3, long\n"]
    assert not os.path.exists(numbered(stage.files.path, 3))
    assert texts(stage.lines()) == [b"line 3, long", b"line 4, long"]


def test_with_none_to_keep_a_full_log_is_dropped(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=0)
    stage.say(b"line 1, long\nli")
    stage.say(b"ne 2\n")
    assert stage.everything() == b"line 2\n"
    assert sorted(os.listdir(os.path.dirname(stage.files.path))) == ["web.log"]


def test_a_size_of_zero_means_never(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=0)
    stage.say(b"line\n" * 1000)
    assert not stage.told(Rotated)


def test_files_move_up_only_to_the_first_gap(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=5, keep=5)
    for number in range(4):
        stage.say(b"line %d\n" % number)
    os.unlink(numbered(stage.files.path, 2))
    stage.say(b"line 9\n")
    held = {n: stage.content(n) for n in (1, 2, 3, 4)}
    assert held == {1: b"line 9\n", 2: b"line 3\n", 3: b"line 1\n", 4: b"line 0\n"}


def test_a_lower_number_to_keep_removes_what_is_beyond_it(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=5, keep=5)
    for number in range(5):
        stage.say(b"line %d\n" % number)
    stage.sink.reconfigure(Logs(max_size=5, keep=1))
    stage.say(b"line 5\n")
    assert stage.everything() == b"line 5\n"
    assert sorted(os.listdir(os.path.dirname(stage.files.path))) == ["web.log", "web.log.1"]
    assert sorted(os.listdir(os.path.dirname(stage.files.index))) == ["web.log.idx", "web.log.idx.1"]


def test_an_unfinished_line_moves_to_the_next_file(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=12, keep=5)
    stage.say(b"first line\nsecond ")
    assert (stage.content(1), stage.content()) == (b"first line\n", b"second ")
    stage.say(b"line\n")
    assert stage.everything() == b"first line\nsecond line\n"
    assert texts(stage.lines()) == [b"first line", b"second line"]


def test_times_and_generations_move_along(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=20, keep=5)
    stage.say(b"first line\nsecond", generation=1)
    stage.say(b"third line\n", generation=2)
    stage.say(b"fourth line that fills\n", generation=3)
    found = stage.lines()
    assert [(line.generation, line.line) for line in found] == [
        (1, b"first line"),
        (1, b"second"),
        (2, b"third line"),
        (3, b"fourth line that fills"),
    ]
    assert [line.position for line in found] == [0, 11, 17, 28]
    assert sorted(line.at for line in found) == [line.at for line in found]


def test_a_line_that_never_ends_is_cut_at_last(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=1000, keep=50)
    process = stage.spawn("import os\nfor n in range(40): os.write(1, b'x' * 100_000)")
    stage.landed(4_000_000)
    assert stage.ended(process) == 0
    assert stage.everything() == b"x" * 4_000_000
    assert len(stage.content(1)) >= LONGEST


def test_a_line_shorter_than_a_megabyte_is_never_cut(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=50_000, keep=50)
    process = stage.spawn("import os\nfor n in range(6): os.write(1, b'x' * 900_000 + b'\\n')")
    stage.landed(6 * 900_001)
    assert stage.ended(process) == 0
    assert texts(stage.lines()) == [b"x" * 900_000] * 6


class Killed(BaseException):
    """The process ends here."""


STEPS = {"rename": 20, "ftruncate": 3}


@pytest.mark.parametrize(("call", "nth"), [(call, n) for call, many in STEPS.items() for n in range(1, many)])
def test_a_kill_at_any_step_of_rotation_loses_and_doubles_nothing(
    call: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(log: LogFile, text: bytes) -> None:
        log.stamp()
        log.write(text)

    files = LogFiles("web", "output", str(tmp_path / "web.log"), str(tmp_path / "web.idx"))
    log = LogFile(files.path, files.index, Logs(max_size=30, keep=5), lambda _: None)
    log.begin(1)
    for text in (b"line one that is long enough\nand", b" line two that is long enough\nand"):
        write(log, text)
    with monkeypatch.context() as patch:
        real, calls = getattr(os, call), []

        def kill(*arguments: object) -> object:
            calls.append(1)
            if len(calls) == nth:
                raise Killed
            return real(*arguments)

        patch.setattr(os, call, kill)
        try:
            write(log, b" line three that is long enough\nand")
        except Killed:
            pass
        else:
            assert len(calls) < nth
    log.close()
    log = LogFile(files.path, files.index, Logs(max_size=30, keep=5), lambda _: None)
    write(log, b" the rest\n")
    found = list(tail([files], lines=None))
    log.close()
    expected = [b"line one that is long enough"]
    expected += [b"and line %s that is long enough" % n for n in (b"two", b"three")]
    assert texts(found) == [*expected, b"and the rest"]
    assert {line.generation for line in found} == {1}
    assert not [name for name in os.listdir(tmp_path) if ".new" in name]


def test_a_rotation_that_fails_is_told_and_tried_again(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=3)
    os.mkdir(stage.files.path + ".new")
    stage.say(b"line one, long\n")
    assert stage.content() == b"line one, long\n"
    stage.say(b"line two, long\n")
    assert len(stage.told(Trouble)) == 1
    assert stage.everything() == b"line one, long\nline two, long\n"


def test_a_rename_that_fails_puts_the_unfinished_line_back(
    staged: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged(max_size=10, keep=3)
    real = os.rename

    def refuse(source: str, target: str) -> None:
        if target.endswith(".log.1"):
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    stage.sink.reconfigure(Logs(max_size=0))
    stage.say(b"line one, long\nunfinished")
    stage.sink.reconfigure(Logs(max_size=10, keep=3))
    stage.say(b" business\n")
    assert stage.content() == b"line one, long\nunfinished business\n"
    assert texts(stage.lines()) == [b"line one, long", b"unfinished business"]
