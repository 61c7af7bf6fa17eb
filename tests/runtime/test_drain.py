"""What services write while no supervisor lives lands in their logs, byte for byte, with the time when it came."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime import drain as drain_module
from mamctl.runtime.drain import Drain
from tests.runtime.logs.stage import Stage, descriptors, texts

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


class Orphaned:
    """A service's log whose supervisor is gone: its FIFO is open, and `drain` moves what waits there."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.stage = Stage(folder)
        self.stage.say(b"before\n")
        self.fifo = os.open(self.stage.fifo, os.O_RDWR | os.O_NONBLOCK)
        self.stage.sink.close()
        self.drain = Drain(self.fifo, {"log": self.stage.files.path, "index": self.stage.files.index})

    def write(self, data: bytes) -> None:
        """Let the service write, and move it."""
        os.write(self.fifo, data)
        self.drain.move()

    def waiting(self) -> bytes:
        """Take what waits in the FIFO."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.fifo, 1 << 16)
        return b""

    def next_supervisor(self) -> None:
        """Leave the output to a sink again."""
        self.drain.close()
        self.stage.sink = self.stage.open()

    def close(self) -> None:
        """Let go of everything."""
        self.drain.close()
        os.close(self.fifo)
        self.stage.close()


@pytest.fixture
def orphaned(tmp_path: pathlib.Path) -> Iterator[Orphaned]:
    before = descriptors()
    found = Orphaned(tmp_path)
    yield found
    found.close()
    assert descriptors() == before


@pytest.fixture(params=["splice", "no splice"])
def either(request: pytest.FixtureRequest, orphaned: Orphaned, monkeypatch: pytest.MonkeyPatch) -> Orphaned:
    """One that moves inside the kernel, and one whose kernel cannot."""
    if request.param == "no splice":

        def refuse(*_: object, **__: object) -> int:
            raise OSError(errno.EINVAL, "no such thing on this file system")

        monkeypatch.setattr(drain_module.os, "splice", refuse)
    return orphaned


def test_it_lands_byte_for_byte_and_readers_find_lines_and_incarnation(either: Orphaned) -> None:
    began = time.time()
    either.write(b"while nobody\nlived, \0\xff")
    either.write(b"and on\n")
    lines = either.stage.lines()
    assert either.stage.content() == b"before\nwhile nobody\nlived, \0\xffand on\n"
    assert texts(lines) == [b"before", b"while nobody", b"lived, \0\xffand on"]
    assert [line.generation for line in lines] == [1, 1, 1]
    assert began - 1 <= lines[-1].at <= time.time()


def test_the_next_supervisor_goes_on_behind_it(either: Orphaned) -> None:
    either.write(b"while nobody lived\n")
    either.next_supervisor()
    either.stage.say(b"again\n", generation=2)
    assert either.stage.content() == b"before\nwhile nobody lived\nagain\n"
    assert [(line.line, line.generation) for line in either.stage.lines()][1:] == [
        (b"while nobody lived", 1),
        (b"again", 2),
    ]


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=12))
@settings(max_examples=15, deadline=None)
def test_whatever_is_written_is_moved_exactly(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]) -> None:
    found = Orphaned(tmp_path_factory.mktemp("drain"))
    for chunk in chunks:
        found.write(chunk)
    content = found.stage.content()
    found.close()
    assert content == b"before\n" + b"".join(chunks)


def test_without_anything_to_move_nothing_happens(either: Orphaned) -> None:
    assert either.drain.move() == 0
    assert either.stage.content() == b"before\n"


@pytest.mark.parametrize("opened", [True, False])
def test_a_log_that_was_removed_is_made_anew_and_holds_no_service_up(either: Orphaned, opened: bool) -> None:
    if opened:
        either.write(b"gone with it\n")
    os.unlink(either.stage.files.path)
    either.write(b"kept\n")
    assert either.stage.content() == b"kept\n"
    assert os.stat(either.stage.files.path).st_mode & 0o777 == 0o600
    assert (either.waiting(), either.drain.lost) == (b"", 0)
    either.next_supervisor()
    either.stage.say(b"again\n", generation=2)
    assert either.stage.content() == b"kept\nagain\n"
    assert texts(either.stage.lines())[-1] == b"again"


def test_a_rotation_that_was_cut_off_is_left_to_the_next_supervisor(either: Orphaned) -> None:
    with open(f"{either.stage.files.path}.new", "wb"):
        either.write(b"kept\n")
    assert either.stage.content() == b"before\n"
    assert either.waiting() == b"kept\n"


def test_a_link_in_the_place_of_the_log_is_not_followed(either: Orphaned, tmp_path: pathlib.Path) -> None:
    (tmp_path / "precious").write_text("precious")
    os.unlink(either.stage.files.path)
    os.symlink(tmp_path / "precious", either.stage.files.path)
    either.write(b"dropped\n")
    assert (tmp_path / "precious").read_text() == "precious"
    assert either.drain.lost == 8


def test_on_a_full_disk_it_is_dropped_and_counted_and_the_service_goes_on(
    either: Orphaned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        for call in ("splice", "pwrite"):
            patch.setattr(drain_module.os, call, full)
        either.write(b"lost\n")
        assert either.drain.move() == 0
    either.write(b"after\n")
    assert either.drain.lost == 5
    assert either.stage.content() == b"before\nafter\n"


def test_what_only_a_part_has_room_for_is_counted(orphaned: Orphaned, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.delattr(drain_module.os, "splice")
    orphaned.drain = Drain(orphaned.fifo, {"log": orphaned.stage.files.path, "index": orphaned.stage.files.index})
    log = os.stat(orphaned.stage.files.path).st_ino

    def scarce(fd: int, data: bytes, offset: int) -> int:
        return write(fd, data[:3] if os.fstat(fd).st_ino == log else data, offset)

    monkeypatch.setattr(drain_module.os, "pwrite", scarce)
    orphaned.write(b"12345\n")
    assert orphaned.drain.lost == 3
    assert orphaned.stage.content() == b"before\n123"


@pytest.mark.parametrize("index", ["missing", "empty", "another's", "torn"])
def test_an_index_that_is_not_its_own_costs_the_times_and_no_byte(either: Orphaned, index: str) -> None:
    path = either.stage.files.index
    with open(path, "rb") as file:
        whole = file.read()
    strange = {"missing": b"", "empty": b"", "another's": whole[:8] + bytes(8) + whole[16:], "torn": whole[:-5]}[index]
    if index == "missing":
        os.unlink(path)
    else:
        with open(path, "wb") as file:
            file.write(strange)
    either.write(b"on\n")
    assert either.stage.content() == b"before\non\n"
    if index not in ("missing", "torn"):
        with open(path, "rb") as file:
            assert file.read() == strange
    assert texts(either.stage.lines()) == [b"before", b"on"]
