from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.choices import Streams
from mamctl.core.manifest.model import Logs
from mamctl.runtime.logs.files import LogFiles, fifo_path, log_files
from mamctl.runtime.logs.follower import Follower
from mamctl.runtime.logs.logfile import LogFile
from mamctl.runtime.logs.reader import last_lines, tail
from tests.runtime.logs.stage import texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Clock:
    """The wall clock, in whole seconds, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.time_ns", lambda: int(self.now * 1e9))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def written(tmp_path: Path, clock: Clock) -> Callable[..., LogFiles]:
    """Write a service's lines at the given times: `written("web", (1.0, b"..."), ...)`."""

    def write(
        service: str, *said: tuple[float, bytes], stream: str = "output", max_size: int = 0, keep: int = 99
    ) -> LogFiles:
        streams = Streams.MERGED if stream == "output" else Streams.SPLIT
        found = log_files(str(tmp_path / "logs"), str(tmp_path / "index"), service, streams)
        files = next(files for files in found if files.stream == stream)
        log = LogFile(files.path, files.index, Logs(max_size=max_size, keep=keep), lambda _: None)
        log.generation = 1
        for at, text in said:
            clock.now = at
            log.stamp()
            log.write(text)
        log.close()
        return files

    return write


def test_services_are_merged_in_the_order_of_time(written: Callable[..., LogFiles]) -> None:
    logs = [
        written("web", (1, b"w1\n"), (4, b"w4\n"), (6, b"w6\n")),
        written("db", (2, b"d2\n"), (3, b"d3\n"), (5, b"d5\n")),
    ]
    found = list(tail(logs, lines=None))
    assert [(line.service, line.line) for line in found] == [
        ("web", b"w1"), ("db", b"d2"), ("db", b"d3"), ("web", b"w4"), ("db", b"d5"), ("web", b"w6"),
    ]  # fmt: skip
    assert [line.at for line in found] == [1, 2, 3, 4, 5, 6]
    assert list(tail(logs, lines=3)) == found[-3:]


def test_split_streams_are_merged_and_named(written: Callable[..., LogFiles]) -> None:
    logs = [
        written("web", (1, b"out\n"), (3, b"out\n"), stream="stdout"),
        written("web", (2, b"err\n"), stream="stderr"),
    ]
    assert [(line.stream, line.line) for line in tail(logs, lines=None)] == [
        ("stdout", b"out"), ("stderr", b"err"), ("stdout", b"out"),
    ]  # fmt: skip


def test_lines_of_one_time_keep_the_order_of_the_services_asked_for(written: Callable[..., LogFiles]) -> None:
    logs = [written(name, (1, b"%s\n" % name.encode() * 3)) for name in ("b", "a", "c")]
    assert texts(tail(logs, lines=None)) == [b"b"] * 3 + [b"a"] * 3 + [b"c"] * 3


def test_lines_of_one_log_keep_their_order_though_the_clock_was_set_back(written: Callable[..., LogFiles]) -> None:
    logs = [written("web", (50, b"1\n"), (10, b"2\n"), (20, b"3\n")), written("db", (15, b"d\n"))]
    assert [text for text in texts(tail(logs, lines=None)) if text != b"d"] == [b"1", b"2", b"3"]


def test_since_leaves_out_what_is_older(written: Callable[..., LogFiles]) -> None:
    files = written("web", *((at, b"%d\n" % at) for at in range(100)), max_size=60)
    assert texts(tail([files], lines=None, since=95)) == [b"95", b"96", b"97", b"98", b"99"]
    assert texts(tail([files], lines=2, since=95)) == [b"98", b"99"]
    assert texts(tail([files], lines=50, since=95)) == [b"95", b"96", b"97", b"98", b"99"]
    assert texts(tail([files], lines=None, since=100)) == []


def test_since_does_not_show_the_end_of_a_line_that_began_before(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"begun "), (5, b"ended\nnext\n"))
    assert texts(tail([files], lines=None, since=5)) == [b"next"]


def test_a_pattern_is_searched_in_the_bytes(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"GET /\n\xff ERROR\nGET /a\n"), max_size=8)
    assert texts(tail([files], lines=None, pattern=re.compile(rb"GET"))) == [b"GET /", b"GET /a"]
    assert texts(tail([files], lines=1, pattern=re.compile(rb"ERR"))) == [b"\xff ERROR"]
    assert texts(tail([files], lines=1, pattern=re.compile(rb"none"))) == []


def test_the_last_lines_are_found_across_rotated_files(written: Callable[..., LogFiles]) -> None:
    said = [(number, b"%05d\n" % number) for number in range(2000)]
    files = written("web", *said, max_size=600)
    for count in (0, 1, 99, 100, 101, 1000, 2000, 5000):
        expected = [b"%05d" % number for number in range(2000)][2000 - min(count, 2000) :]
        assert texts(tail([files], lines=count)) == expected
    assert texts(tail([files], lines=None)) == [b"%05d" % number for number in range(2000)]


def test_the_last_lines_are_found_in_a_large_file(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"".join(b"%099d\n" % number for number in range(20_000))))
    for count in (1, 650, 656, 700, 20_000):
        assert [int(text) for text in texts(tail([files], lines=count))] == list(range(20_000 - count, 20_000))
    assert texts(tail([files], lines=1, pattern=re.compile(rb"0000123$"))) == [b"%099d" % 123]


def test_lines_of_a_megabyte_are_given_whole(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"a\n" + b"x" * 1_500_000 + b"\nb\n"))
    for lines in (None, 3):
        assert texts(tail([files], lines=lines)) == [b"a", b"x" * 1_500_000, b"b"]


def test_a_line_still_being_written_is_shown_and_marked(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"whole\nhal"))
    assert [(line.line, line.ended) for line in tail([files], lines=5)] == [(b"whole", True), (b"hal", False)]


def test_empty_lines_and_odd_bytes_are_lines_like_others(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"\n\n\0\n\xff\xfe\r\n"))
    assert texts(tail([files], lines=None)) == [b"", b"", b"\0", b"\xff\xfe\r"]


def test_a_service_without_a_log_has_no_lines(tmp_path: Path) -> None:
    files = log_files(str(tmp_path), str(tmp_path), "none", Streams.MERGED)
    assert list(tail(files, lines=10)) == list(tail(files, lines=None)) == []


def test_a_log_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    [files] = log_files(str(tmp_path), str(tmp_path), "odd", Streams.MERGED)
    os.mkdir(files.path)
    assert list(tail([files], lines=None)) == []
    os.rmdir(files.path)
    os.mkfifo(files.path)
    assert list(tail([files], lines=None)) == []


def test_error_messages_get_text_of_one_incarnation(written: Callable[..., LogFiles], clock: Clock) -> None:
    files = written("web", (1, b"old\n\xffbad\nlast"))
    assert last_lines([files], 2) == ["�bad", "last"]
    assert last_lines([files], 2, generation=2) == []


def test_a_follower_and_a_tail_meet_without_gap_or_repetition(written: Callable[..., LogFiles]) -> None:
    files = written("web", (1, b"one\ntwo\nthr"))
    with Follower([files]) as follower:
        before = texts(tail([files], lines=None, until=follower.positions))
        written("web", (2, b"ee\nfour\n"))
        assert (before, texts(follower.poll())) == ([b"one", b"two"], [b"three", b"four"])


def test_files_are_named_after_service_and_stream(tmp_path: Path) -> None:
    merged = log_files("logs", "home/index", "web", Streams.MERGED)
    assert merged == (LogFiles("web", "output", "logs/web.log", "home/index/web.log.idx"),)
    split = log_files("logs", "home/index", "web", Streams.SPLIT)
    assert [files.path for files in split] == ["logs/web.log", "logs/web.err.log"]
    assert [fifo_path("fifo", files) for files in (*merged, *split)] == [
        "fifo/web.out",
        "fifo/web.out",
        "fifo/web.err",
    ]


def test_reading_needs_none_of_the_heavy_libraries() -> None:
    code = "import sys, mamctl.runtime.logs.reader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"asyncio", "dataclasses", "ctypes", "subprocess", "yaml"} & set(done.stdout.split())
