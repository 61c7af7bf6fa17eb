from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.files import LogFiles
from mamctl.runtime.logs.follower import Follower
from mamctl.runtime.logs.logfile import LogFile
from mamctl.runtime.logs.reader import tail
from mamctl.runtime.logs.record import HEADER_SIZE, RECORD_SIZE, Header, Record, parse_header, parse_record
from mamctl.runtime.logs.stamps import Stamps
from tests.runtime.logs.stage import texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.logs.stage import Stage

EXPECTED = [b"one", b"two", b"three"]


@pytest.fixture
def indexed(tmp_path: Path) -> LogFiles:
    files = LogFiles("web", "output", str(tmp_path / "web.log"), str(tmp_path / "web.idx"))
    log = LogFile(files.path, files.index, Logs(), lambda _: None)
    for generation, text in enumerate((b"one\n", b"two\n", b"three\n"), 1):
        log.begin(generation)
        log.write(text)
    log.close()
    return files


def test_every_line_has_its_generation_and_a_time(indexed: LogFiles) -> None:
    found = list(tail([indexed], lines=None))
    assert [(line.line, line.generation) for line in found] == list(zip(EXPECTED, (1, 2, 3), strict=True))
    assert all(abs(line.at - os.stat(indexed.path).st_mtime) < 5 for line in found)


def test_damage_at_any_byte_hides_no_line(indexed: LogFiles) -> None:
    whole = Path(indexed.index).read_bytes()
    assert len(whole) == HEADER_SIZE + 3 * RECORD_SIZE
    for place in range(len(whole)):
        Path(indexed.index).write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert b"".join(texts(tail([indexed], lines=None))) == b"".join(EXPECTED), place
        assert texts(tail([indexed], lines=1))[0].endswith(b"three")


def test_an_index_cut_at_any_byte_hides_no_line_and_can_be_written_on(indexed: LogFiles) -> None:
    whole = Path(indexed.index).read_bytes()
    for size in range(len(whole)):
        Path(indexed.index).write_bytes(whole[:size])
        assert texts(tail([indexed], lines=None)) == EXPECTED, size
        log = LogFile(indexed.path, indexed.index, Logs(), lambda _: None)
        log.begin(9)
        log.close()
        assert texts(tail([indexed], lines=None)) == EXPECTED, size


def test_a_damaged_record_costs_its_own_lines_their_time_only(indexed: LogFiles) -> None:
    whole = bytearray(Path(indexed.index).read_bytes())
    whole[HEADER_SIZE + RECORD_SIZE + 3] ^= 1
    Path(indexed.index).write_bytes(whole)
    assert [line.generation for line in tail([indexed], lines=None)] == [1, 1, 3]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 500, os.urandom(1000), Header(1, 0).pack()])
def test_with_a_foreign_index_lines_have_the_time_of_the_file(indexed: LogFiles, content: bytes) -> None:
    Path(indexed.index).write_bytes(content)
    os.utime(indexed.path, (1_000_000, 1_000_000))
    assert [(line.line, line.at, line.generation) for line in tail([indexed], lines=None)] == [
        (text, 1_000_000.0, 0) for text in EXPECTED
    ]


def test_without_an_index_lines_have_the_time_of_the_file(indexed: LogFiles) -> None:
    os.unlink(indexed.index)
    assert texts(tail([indexed], lines=2)) == EXPECTED[1:]


def test_what_was_there_before_the_index_is_older_than_what_comes_after(indexed: LogFiles) -> None:
    os.unlink(indexed.index)
    os.utime(indexed.path, (1_000_000, 1_000_000))
    log = LogFile(indexed.path, indexed.index, Logs(), lambda _: None)
    log.begin(4)
    log.write(b"four\n")
    log.close()
    found = list(tail([indexed], lines=None))
    assert texts(found) == [*EXPECTED, b"four"]
    assert [line.at for line in found[:3]] == [1_000_000.0] * 3


def test_a_follower_reads_on_through_a_damaged_index(indexed: LogFiles) -> None:
    with Follower([indexed], from_now=False) as follower:
        Path(indexed.index).write_bytes(b"\xff" * 300)
        assert texts(follower.poll()) == EXPECTED


@pytest.mark.parametrize("look", [lambda s: s.first(), lambda s: s.span(25), lambda s: s.offset_at(2), Stamps.records])
def test_whoever_meets_a_damaged_record_goes_on_without_it(look: Callable[[Stamps], object]) -> None:
    data = bytearray(b"".join(Record(offset, offset, 1).pack() for offset in range(0, 50, 10)))
    for number in (0, 2, 3):
        data[number * RECORD_SIZE] ^= 1
    stamps = Stamps(bytes(data))
    look(stamps)
    assert stamps.records() == [Record(10, 10, 1), Record(40, 40, 1)]
    assert (stamps.first(), stamps.span(25).until) == (Record(10, 10, 1), 40)


def test_the_record_ahead_of_the_bytes_is_overruled_by_the_next(stage: Stage) -> None:
    with stage.child(1), stage.child(2):
        stage.say(b"one\n", generation=3)
    assert [line.generation for line in stage.lines()] == [3]


def test_a_clock_that_is_set_back_does_not_silence_the_index(
    indexed: LogFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(indexed.path, indexed.index, Logs(), lambda _: None)
    for now in (5_000_000_000, 1_000_000_000, 1_500_000_000):
        monkeypatch.setattr("time.time_ns", lambda now=now: now)
        log.stamp()
        log.write(b"more\n")
    log.close()
    assert [line.at for line in tail([indexed], lines=3)] == [5.0, 1.0, 1.5]


def test_header_and_record_survive_the_way_to_bytes_and_back() -> None:
    header, record = Header(1 << 40, 5, 6, 7), Record(1 << 50, -3, 9)
    assert parse_header(header.pack()) == header
    assert parse_record(record.pack(), 0) == record
    assert (len(header.pack()), len(record.pack())) == (HEADER_SIZE, RECORD_SIZE)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4)), max_size=30), st.integers(0, 70), st.integers(1, 70))
@settings(max_examples=150, deadline=None)
def test_looking_up_agrees_with_looking_through(pairs: list[tuple[int, int]], start: int, length: int) -> None:
    offsets = sorted(offset for offset, _ in pairs)
    generations = sorted(generation for _, generation in pairs)
    records = [Record(o, n, g) for n, (o, g) in enumerate(zip(offsets, generations, strict=True))]
    stamps = Stamps(b"".join(record.pack() for record in records))
    by_offset = {record.offset: record for record in records}
    for offset in range(start, start + length):
        before = [at for at in by_offset if at <= offset]
        after = [at for at in by_offset if at > offset]
        expected = (by_offset[max(before)] if before else None, min(after) if after else None)
        assert stamps.span(offset) == expected
    effective = sorted(by_offset.values())
    changes = [b.offset for a, b in pairwise(effective) if a.generation != b.generation]
    assert stamps.edges(start, start + length) == [at for at in changes if start < at < start + length]
