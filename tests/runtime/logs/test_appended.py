"""The way of macOS, on Linux: inotify stands in for kqueue, which is tested against a fake."""

from __future__ import annotations

import os
import select
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs import appended
from mamctl.runtime.logs.appended import AppendIntake, VnodeWatch, change_watch
from mamctl.runtime.logs.inotify import Inotify
from mamctl.runtime.logs.sink import platform_intake
from tests.runtime.logs.stage import Stage, descriptors, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def stage(staged: Callable[..., Stage]) -> Stage:
    return staged(intake=AppendIntake)


def test_without_splice_services_append_to_their_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "splice")
    assert platform_intake() is AppendIntake


def test_a_flood_lands_whole_and_is_noticed(stage: Stage) -> None:
    process = stage.spawn("import os\nfor n in range(5000): os.write(1, b'%099d\\n' % n)")
    stage.landed(500_000)
    assert stage.ended(process) == 0
    assert [int(line) for line in stage.content().splitlines()] == list(range(5000))


def test_no_fifo_is_made(stage: Stage) -> None:
    assert not os.path.exists(stage.fifo)


def test_lines_have_times_and_generations(stage: Stage) -> None:
    stage.say(b"one\nhal", generation=1)
    stage.say(b"two\n", generation=2)
    assert [(line.line, line.generation) for line in stage.lines()] == [(b"one", 1), (b"hal", 1), (b"two", 2)]


def test_a_full_log_is_rotated_when_the_next_incarnation_begins(staged: Callable[..., Stage]) -> None:
    stage = staged(intake=AppendIntake, max_size=10, keep=3)
    stage.say(b"first, longer than ten\n", generation=1)
    assert stage.content() == b"first, longer than ten\n"
    process = stage.spawn("import os; os.write(1, b'second\\n')", generation=2)
    stage.landed(7)
    assert stage.ended(process) == 0
    assert (stage.content(1), stage.content()) == (b"first, longer than ten\n", b"second\n")
    assert texts(stage.lines()) == [b"first, longer than ten", b"second"]


def test_a_truncated_log_goes_on(stage: Stage) -> None:
    with stage.child() as descriptor:
        os.write(descriptor, b"one\n")
        stage.landed(4)
        os.truncate(stage.files.path, 0)
        stage.until(lambda: bool(stage.notices))
        os.write(descriptor, b"two\n")
        stage.landed(8)
    assert stage.content() == b"two\n"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = descriptors()
    stage = Stage(tmp_path, intake=AppendIntake, max_size=10)
    for generation in range(5):
        stage.say(b"longer than ten\n", generation)
    stage.close()
    assert descriptors() == before


class FakeQueue:
    """A kqueue that a test can make readable."""

    def __init__(self) -> None:
        self.changes: list[object] = []
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        return self._read

    def control(self, changes: list[object] | None, count: int, timeout: float | None = None) -> list[object]:
        self.changes += changes or []
        if timeout is not None and select.select([self._read], [], [], timeout)[0]:
            os.read(self._read, count)
        return []

    def happen(self) -> None:
        os.write(self._write, b"!")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


def test_a_kqueue_watches_the_open_log(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    names = ("KQ_NOTE_WRITE", "KQ_NOTE_EXTEND", "KQ_NOTE_DELETE", "KQ_NOTE_RENAME", "KQ_EV_ADD", "KQ_EV_CLEAR")
    numbers = {name: 1 << n for n, name in enumerate(names)}
    kernel = SimpleNamespace(kqueue=lambda: queue, kevent=lambda *event: event, KQ_FILTER_VNODE=-4, **numbers)
    monkeypatch.setattr(appended, "_kernel", kernel)
    watch = VnodeWatch()
    watch.follow("web.log", 7)
    assert queue.changes == [(7, -4, 0b110000, 0b1111)]
    queue.happen()
    assert select.select([watch.fileno()], [], [], 0)[0]
    watch.clear()
    assert not select.select([watch.fileno()], [], [], 0)[0]
    watch.close()


def test_kqueue_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "kqueue", FakeQueue, raising=False)
    watch = change_watch()
    assert isinstance(watch, VnodeWatch)
    watch.close()


def test_an_inotify_that_cannot_watch_leaves_nothing_open(tmp_path: Path) -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Inotify([str(tmp_path / "nowhere")])
    assert descriptors() == before
