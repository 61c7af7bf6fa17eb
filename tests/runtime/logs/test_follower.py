from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from mamctl.core.manifest.choices import Streams
from mamctl.runtime.logs.files import log_files
from mamctl.runtime.logs.follower import Follower
from mamctl.runtime.logs.notices import Rotated
from mamctl.runtime.logs.trail import CUT, LONGEST
from tests.runtime.logs.stage import descriptors, rest_of, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtime.logs.stage import Stage


def test_only_whole_lines_are_given(stage: Stage, follower: Follower) -> None:
    stage.say(b"one\ntw")
    assert texts(follower.poll()) == [b"one"]
    assert follower.poll() == []
    stage.say(b"o\n")
    [line] = follower.poll()
    assert (line.line, line.position, line.end) == (b"two", 4, 8)


def test_what_was_there_before_is_not_given(stage: Stage) -> None:
    stage.say(b"old\nbeg")
    with Follower([stage.files]) as follower:
        stage.say(b"un\nnew\n")
        assert texts(follower.poll()) == [b"begun", b"new"]


def test_from_the_beginning_means_from_the_oldest_file(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=9)
    for number in range(5):
        stage.say(b"line number %d\n" % number)
    with Follower([stage.files], from_now=False) as follower:
        assert texts(rest_of(follower)) == [b"line number %d" % number for number in range(5)]


def test_positions_lead_to_the_right_file(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=9)
    for number in range(6):
        stage.say(b"line number %d\n" % number, generation=number)
        if number == 3:
            start = stage.sink.start
    with Follower([stage.files], positions={stage.files: start}) as follower:
        assert texts(rest_of(follower)) == [b"line number 3", b"line number 4", b"line number 5"]


def test_the_last_words_end_when_the_next_incarnation_begins(stage: Stage, follower: Follower) -> None:
    stage.say(b"killed in the mid", generation=1)
    assert follower.poll() == []
    stage.say(b"again\n", generation=2)
    assert [(line.line, line.generation) for line in follower.poll()] == [(b"killed in the mid", 1), (b"again", 2)]


def test_the_rest_may_be_asked_for(stage: Stage, follower: Follower) -> None:
    stage.say(b"password: ")
    assert [(line.line, line.ended) for line in follower.poll(rest=True)] == [(b"password: ", False)]
    stage.say(b"thanks\n")
    assert texts(follower.poll(rest=True)) == [b"thanks"]


def test_rotation_under_flood_is_followed_line_by_line(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=200_000, keep=100)
    found: list[int] = []
    with Follower([stage.files]) as follower:
        stage.sink.watch(lambda: found.extend(int(line.line[:9]) for line in follower.poll()))
        process = stage.spawn(
            "import sys\nfor n in range(40_000): sys.stdout.write(f'{n:09} ' + 'x' * (n % 99) + '\\n')"
        )
        assert stage.ended(process) == 0
        stage.sink.drain()
        found += [int(line.line[:9]) for line in rest_of(follower)]
        assert len(stage.told(Rotated)) > 5
        assert (found, follower.skipped, follower.missed) == (list(range(40_000)), 0, 0)


def test_several_rotations_between_two_looks_hide_nothing(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=20)
    with Follower([stage.files]) as follower:
        for round_ in range(3):
            for number in range(6):
                stage.say(b"line number %d\nunfin" % number)
                stage.say(b"ished\n")
            expected = [text for n in range(6) for text in (b"line number %d" % n, b"unfinished")]
            assert texts(rest_of(follower)) == expected, round_


def test_lines_in_the_next_file_are_pending(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=20)
    with Follower([stage.files]) as follower:
        stage.say(b"line number 0\n")
        stage.say(b"line number 1\n")
        assert texts(follower.poll()) == [b"line number 0"]
        assert follower.pending
        assert texts(follower.poll()) == [b"line number 1"]


def test_what_was_rotated_away_for_good_is_counted(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=10, keep=2)
    with Follower([stage.files]) as follower:
        for number in range(6):
            stage.say(b"line number %d\n" % number)
        # The file that is open can be read though it was removed.
        assert texts(rest_of(follower)) == [b"line number 0", b"line number 4", b"line number 5"]
        assert follower.missed == 3 * 14


def test_a_truncated_log_is_followed_on(stage: Stage, follower: Follower) -> None:
    stage.say(b"one\ntwo\n")
    assert len(follower.poll()) == 2
    os.truncate(stage.files.path, 0)
    assert follower.poll() == []
    stage.say(b"three is longer than both\n")
    assert texts(rest_of(follower)) == [b"three is longer than both"]


def test_a_truncated_log_without_an_index_is_read_from_its_beginning(tmp_path: Path) -> None:
    [files] = log_files(str(tmp_path), str(tmp_path), "web", Streams.MERGED)
    (tmp_path / "web.log").write_bytes(b"one\ntwo\n")
    with Follower([files], from_now=False) as follower:
        assert texts(rest_of(follower)) == [b"one", b"two"]
        (tmp_path / "web.log").write_bytes(b"new\n")
        assert texts(rest_of(follower)) == [b"new"]


def test_a_removed_log_is_followed_in_its_successor(stage: Stage, follower: Follower) -> None:
    stage.say(b"one\n")
    os.unlink(stage.files.path)
    assert texts(follower.poll()) == [b"one"]
    stage.say(b"two\n")
    assert texts(rest_of(follower)) == [b"two"]


def test_a_log_that_comes_later_is_read_from_its_beginning(tmp_path: Path, staged: Callable[..., Stage]) -> None:
    files = log_files(str(tmp_path / "logs"), str(tmp_path / "index"), "web", Streams.MERGED)
    with Follower(files) as follower:
        assert follower.poll() == []
        assert follower.positions == {files[0]: 0}
        staged().say(b"first\n")
        assert texts(follower.poll()) == [b"first"]


def test_a_log_without_an_index_is_followed_through_rotation(tmp_path: Path) -> None:
    [files] = log_files(str(tmp_path), str(tmp_path), "web", Streams.MERGED)
    log = tmp_path / "web.log"
    log.write_bytes(b"one\n")
    with Follower([files], from_now=False) as follower:
        assert texts(rest_of(follower)) == [b"one"]
        log.write_bytes(b"one\ntwo\n")
        log.rename(tmp_path / "web.log.1")
        log.write_bytes(b"three\n")
        assert texts(rest_of(follower)) == [b"two", b"three"]


def test_a_long_line_is_given_cut_with_a_mark(stage: Stage, follower: Follower) -> None:
    process = stage.spawn("import os; os.write(1, b'a\\n' + b'x' * 3_000_000 + b'\\nb\\n')")
    stage.landed(3_000_005)
    found = texts(rest_of(follower))
    assert found == [b"a", b"x" * LONGEST + CUT, b"b"]
    assert stage.ended(process) == 0


def test_a_long_line_is_cut_once_though_it_is_rotated_while_it_grows(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=100_000, keep=9)
    with Follower([stage.files]) as follower:
        stage.say(b"a\n" + b"x" * 60_000)
        found = follower.poll()
        for _ in range(3):
            stage.say(b"x" * 60_000)
            found += rest_of(follower)
        stage.say(b"\nb\n")
        found += rest_of(follower)
        assert stage.told(Rotated)
        assert texts(found) == [b"a", b"x" * LONGEST + CUT, b"b"]


def test_who_falls_far_behind_is_taken_ahead_and_told(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=4_000_000, keep=50)
    with Follower([stage.files]) as follower:
        process = stage.spawn("import os\nfor n in range(2000): os.write(1, b'%09999d\\n' % n)")
        stage.landed(20_000_000)
        assert stage.ended(process) == 0
        found = [int(line.line[-9:]) for line in rest_of(follower)]
        assert found[-1] == 1999
        assert follower.skipped + len(found) == 2000
        assert found == list(range(follower.skipped, 2000))


def test_one_call_brings_a_megabyte_at_most(stage: Stage, follower: Follower) -> None:
    process = stage.spawn("import os\nfor n in range(500): os.write(1, b'%09999d\\n' % n)")
    stage.landed(5_000_000)
    assert stage.ended(process) == 0
    assert sum(line.end - line.position for line in follower.poll()) <= 1 << 20
    assert follower.pending


def test_several_services_come_in_the_order_of_time(staged: Callable[..., Stage]) -> None:
    web, db = staged(service="web"), staged(service="db")
    with Follower([web.files, db.files]) as follower:
        for number in range(3):
            web.say(b"w%d\n" % number, generation=number)
            db.say(b"d%d\n" % number, generation=number)
        assert texts(follower.poll()) == [b"w0", b"d0", b"w1", b"d1", b"w2", b"d2"]


def test_a_follower_in_another_process_sees_all_lines_of_a_flood(staged: Callable[..., Stage]) -> None:
    stage = staged(max_size=50_000, keep=100)
    code = (
        "import sys\n"
        "from mamctl.runtime.logs.reader import Follower, LogFiles\n"
        "with Follower([LogFiles(*sys.argv[1:5])], from_now=False) as follower:\n"
        "    expected = 0\n"
        "    while expected < 6_000:\n"
        "        for line in follower.poll():\n"
        "            assert int(line.line[:9]) == expected, (line, expected)\n"
        "            expected += 1\n"
        "        follower.wait(0.1)\n"
        "print(follower.skipped, follower.missed)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, *stage.files], stdout=subprocess.PIPE) as reader:
        writer = stage.spawn("import sys\nfor n in range(6_000): sys.stdout.write(f'{n:09} ' + 'x' * (n % 99) + '\\n')")
        assert stage.ended(writer) == 0
        stage.sink.drain()
        assert reader.communicate(timeout=20)[0] == b"0 0\n"


def test_a_follower_leaves_no_descriptor_open(stage: Stage) -> None:
    before = descriptors()
    follower = Follower([stage.files])
    stage.say(b"one\n")
    follower.poll()
    os.unlink(stage.files.path)
    stage.say(b"two\n")
    follower.poll()
    follower.close()
    follower.close()
    assert descriptors() == before
