from __future__ import annotations

import fcntl
import os
import signal
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.model import Logs
from tests.runtime.logs.stage import Stage, descriptors, texts

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = st.lists(
    st.one_of(st.binary(max_size=600), st.sampled_from([b"\n", b"\0", b"\xff\xfe\n", b"no newline", b"\r\n\x1b[31m"])),
    max_size=40,
)


@given(CHUNKS)
@settings(max_examples=40, deadline=None)
def test_the_log_holds_exactly_what_was_written(chunks: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        with stage.child() as descriptor:
            for chunk in chunks:
                os.write(descriptor, chunk)
        stage.close()
        assert stage.content() == b"".join(chunks)
        assert b"\n".join(texts(stage.lines())) == b"".join(chunks).removesuffix(b"\n")


def test_a_line_of_one_megabyte_arrives_whole(stage: Stage) -> None:
    process = stage.spawn("import sys; sys.stdout.write('x' * 1_000_000 + '\\n')")
    stage.landed(1_000_001)
    assert stage.ended(process) == 0
    assert stage.content() == b"x" * 1_000_000 + b"\n"
    assert len(stage.lines()[0].line) == 1_000_000


def test_what_a_killed_child_wrote_of_a_line_is_kept(stage: Stage) -> None:
    process = stage.spawn("import os, time; os.write(1, b'whole\\nhalf a li'); time.sleep(60)")
    stage.landed(15)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    stage.say(b"again\n", generation=2)
    assert stage.content() == b"whole\nhalf a liagain\n"
    assert [(line.line, line.generation) for line in stage.lines()] == [
        (b"whole", 1),
        (b"half a li", 1),
        (b"again", 2),
    ]


def test_drain_gets_the_last_words_without_the_loop(stage: Stage) -> None:
    process = stage.spawn("import os; os.write(1, b'ERROR: port 5001 is taken\\n')")
    assert stage.ended(process) == 0
    stage.sink.drain()
    assert stage.content() == b"ERROR: port 5001 is taken\n"


def test_drain_ends_though_the_service_goes_on(stage: Stage) -> None:
    process = stage.spawn("import os\nwhile True: os.write(1, b'x' * 9999 + b'\\n')")
    try:
        stage.landed(1)
        stage.sink.drain()
    finally:
        process.kill()
        process.wait(10)


def test_close_stores_what_waits_and_may_be_called_twice(stage: Stage) -> None:
    with stage.child() as descriptor:
        os.write(descriptor, b"last")
        stage.sink.close()
        stage.sink.close()
        stage.sink.drain()
    assert stage.content() == b"last"


def test_what_is_in_the_pipe_belongs_to_the_incarnation_that_wrote_it(stage: Stage) -> None:
    with stage.child(1) as first:
        os.write(first, b"one\n")
        with stage.child(2) as second:
            os.write(second, b"two\n")
            stage.landed(4)
            os.write(first, b"late\n")
            stage.landed(9)
    assert [(line.generation, line.line) for line in stage.lines()] == [(1, b"one"), (2, b"two"), (2, b"late")]
    assert texts(stage.lines(generation=1)) == [b"one"]
    assert (stage.sink.start, stage.sink.generation) == (4, 2)


def test_an_incarnation_that_makes_its_end_nonblocking_does_so_for_nobody_else(stage: Stage) -> None:
    with stage.child(1) as first, stage.child(2) as second:
        fcntl.fcntl(first, fcntl.F_SETFL, fcntl.fcntl(first, fcntl.F_GETFL) | os.O_NONBLOCK)
        assert os.get_blocking(second)
        assert not os.get_inheritable(second)


def test_nobodys_death_breaks_the_pipe_of_a_service(stage: Stage) -> None:
    with stage.child() as descriptor:
        stage.sink.close()
        assert os.write(descriptor, b"still here\n") == 11
        stage.sink = stage.open()
        stage.landed(11)
    assert stage.content() == b"still here\n"


def test_another_supervisor_goes_on_where_the_last_one_was(stage: Stage) -> None:
    stage.say(b"one\n", generation=7)
    stage.sink.close()
    stage.sink = stage.open()
    assert (stage.sink.generation, stage.sink.position) == (7, 4)
    stage.say(b"two\n", generation=8)
    assert [(line.generation, line.line) for line in stage.lines()] == [(7, b"one"), (8, b"two")]


def test_another_supervisor_finds_where_the_last_incarnation_began_also_when_counting_began_anew(stage: Stage) -> None:
    for generation, said in ((1, b"one\n"), (2, b"two\n"), (1, b"again\n"), (1, b"and on\n")):
        stage.say(said, generation=generation)
    stage.sink.close()
    stage.sink = stage.open()
    assert stage.sink.start == stage.sink.position
    stage.sink.rewind(1)
    assert stage.sink.start == len(b"one\ntwo\n")


def test_without_an_index_nothing_was_written_by_the_last_incarnation_as_far_as_one_knows(stage: Stage) -> None:
    stage.say(b"one\n", generation=1)
    stage.sink.close()
    os.unlink(stage.files.index)
    stage.sink = stage.open()
    stage.sink.rewind(1)
    assert stage.sink.start == stage.sink.position == 4


def test_a_child_can_be_given_its_end_after_the_fifo_was_removed(stage: Stage) -> None:
    os.unlink(stage.fifo)
    stage.say(b"all the same\n")
    assert stage.content() == b"all the same\n"


def test_a_child_is_given_its_end_without_a_proc_file_system(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def without_proc(path: str, flags: int, mode: int = 0o777) -> int:
        if path.startswith("/proc/"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", without_proc)
    stage.say(b"one\n")
    assert stage.content() == b"one\n"


def test_a_flood_loses_nothing_while_the_loop_is_slow(stage: Stage) -> None:
    def dawdle() -> None:
        end = time.monotonic() + 0.003
        while time.monotonic() < end:
            pass

    stage.sink.watch(dawdle)
    process = stage.spawn("import sys\nfor n in range(60_000): sys.stdout.write(f'{n:07} {\"x\" * 90}\\n')")
    stage.landed(60_000 * 99)
    assert stage.ended(process) == 0
    assert [int(line[:7]) for line in stage.content().splitlines()] == list(range(60_000))


def test_trickling_output_is_seen_without_a_full_pipe(stage: Stage) -> None:
    process = stage.spawn("import os\nfor n in range(300): os.write(1, b'%d\\n' % n)")
    stage.until(lambda: stage.content().endswith(b"299\n"))
    assert stage.ended(process) == 0


def test_watchers_are_called_until_they_let_go(stage: Stage) -> None:
    calls: list[int] = []
    unwatch = stage.sink.watch(lambda: calls.append(stage.sink.position))
    stage.say(b"one\n")
    unwatch()
    unwatch()
    stage.say(b"two\n")
    assert calls == [4]


def test_the_log_is_for_its_owner_alone(stage: Stage) -> None:
    for path in (stage.files.path, stage.files.index, stage.fifo):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_log_that_is_a_symbolic_link_is_refused(staged: Callable[..., Stage], tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic link.*web\.log"):
        staged()
    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_is_not_a_file_is_refused(staged: Callable[..., Stage], tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    os.mkfifo(tmp_path / "logs" / "web.log")
    with pytest.raises(OSError, match=r"not a regular file.*web\.log"):
        staged()


def test_a_folder_that_cannot_be_made_is_named(staged: Callable[..., Stage], tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(OSError, match="logs"):
        staged()


def test_something_in_place_of_the_fifo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fifo").mkdir()
    (tmp_path / "fifo" / "web.out").write_text("in the way")
    before = descriptors()
    with pytest.raises(OSError, match="not a FIFO"):
        Stage(tmp_path)
    assert descriptors() == before


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = descriptors()
    stage = Stage(tmp_path, max_size=300, keep=3)
    for generation in range(1, 20):
        stage.say(b"x" * 50 + b"\n", generation)
    os.unlink(stage.files.path)
    stage.say(b"more\n", 21)
    stage.close()
    assert descriptors() == before


def test_the_index_stays_small_beside_a_flood(stage: Stage) -> None:
    process = stage.spawn("import os\nfor n in range(2000): os.write(1, b'x' * 9_999 + b'\\n')")
    began = time.monotonic()
    stage.landed(20_000_000)
    took = time.monotonic() - began
    assert stage.ended(process) == 0
    assert os.path.getsize(stage.files.index) <= 48 + 24 * (took / 0.002 + 5)


def test_an_index_folder_that_cannot_be_made_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "web.log.idx.tmp").mkdir()
    before = descriptors()
    with pytest.raises(OSError, match=r"web\.log\.idx"):
        Stage(tmp_path)
    assert descriptors() == before


def test_a_notice_that_raises_does_not_stop_the_sink(stage: Stage) -> None:
    seen: list[object] = []
    stage.loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    real, stage.notices = stage.notices, None
    with stage.child() as descriptor:
        os.write(descriptor, b"one\n")
        os.unlink(stage.files.path)
        stage.until(lambda: bool(seen) or not stage.loop.call_soon(stage.stir))
        stage.notices = real
        os.write(descriptor, b"two\n")
        stage.until(lambda: stage.content().endswith(b"two\n"))


def test_another_policy_holds_from_the_next_byte_on(stage: Stage) -> None:
    stage.say(b"x" * 99 + b"\n")
    stage.sink.reconfigure(Logs(max_size=100, keep=2))
    stage.say(b"y\n")
    assert stage.content() == b""
    assert stage.content(1) == b"x" * 99 + b"\ny\n"


def test_trouble_in_the_loop_is_told_and_survived(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = fcntl.ioctl, []

    def once(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")
        return real(*arguments)

    with stage.child() as descriptor:
        os.write(descriptor, b"one\n")
        monkeypatch.setattr(fcntl, "ioctl", once)
        stage.landed(4)
    assert any("Input/output error" in str(notice) for notice in stage.notices)
