from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs.intake import PipeIntake
from mamctl.runtime.logs.loss import Loss
from mamctl.runtime.logs.notices import Dropped, Resumed
from tests.runtime.logs.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRITER = "import os\nfor n in range({count}): os.write(1, b'%099d\\n' % n)"


class SmallDisk:
    """A real file system of 1 MiB, with a filler that can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        with open(self._filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def free(self) -> None:
        self._filler.unlink()


class FakeDisk:
    """The same for those who may not mount: the calls that store say that there is no space."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, calls: tuple[str, ...] = ("splice", "pwrite")
    ) -> None:
        self.folder = folder
        self._full = False
        for name in calls:
            monkeypatch.setattr(os, name, self._refusing(getattr(os, name)))

    def _refusing(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: object, **named: object) -> int:
            if self._full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **named)

        return call

    def fill(self) -> None:
        self._full = True

    def free(self) -> None:
        self._full = False


@pytest.fixture(params=["tmpfs", "fake"])
def disk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallDisk | FakeDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "fake":
        yield FakeDisk(folder, monkeypatch)
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def stage(disk: SmallDisk | FakeDisk, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, logs=disk.folder, max_size=0)
    yield stage
    stage.close()


def test_a_full_disk_blocks_no_service_and_is_told_once(disk: SmallDisk | FakeDisk, stage: Stage) -> None:
    disk.fill()
    process = stage.spawn(WRITER.format(count=20_000))
    assert stage.ended(process) == 0
    [told] = stage.told(Dropped)
    assert told.reason == "No space left on device"
    assert told.bytes > 0


def test_once_there_is_space_the_loss_is_marked_and_output_goes_on(disk: SmallDisk | FakeDisk, stage: Stage) -> None:
    stage.say(b"before\n")
    disk.fill()
    process = stage.spawn(WRITER.format(count=20_000))
    assert stage.ended(process) == 0
    stage.sink.drain()
    disk.free()
    stage.until(lambda: bool(stage.told(Resumed)))
    stage.say(b"after\n", generation=2)
    [resumed] = stage.told(Resumed)
    lines = stage.content().split(b"\n")
    mark = next(line for line in lines if line.startswith(b"[mamctl]"))
    assert re.fullmatch(
        rf"\[mamctl\] dropped {resumed.lines:,} lines \({resumed.bytes:,} bytes\): no space left on device",
        mark.decode(),
    )
    kept = [line for line in lines if line.isdigit() and len(line) == 99]
    assert len(kept) + resumed.lines == 20_000
    assert (lines[0], lines[-2], lines[-1]) == (b"before", b"after", b"")


def test_a_flood_beyond_the_disk_is_counted_to_the_byte(disk: SmallDisk | FakeDisk, stage: Stage) -> None:
    disk.fill()
    process = stage.spawn(WRITER.format(count=50_000))
    stage.until(lambda: bool(stage.told(Dropped)))
    disk.free()
    stage.until(lambda: bool(stage.told(Resumed)))
    assert stage.ended(process) == 0
    stage.sink.close()
    lost = sum(notice.bytes for notice in stage.told(Resumed))
    if stage.told(Dropped)[-1].bytes and stage.notices[-1] in stage.told(Dropped):
        lost += stage.notices[-1].bytes
    stored = sum(len(line) + 1 for line in stage.content().split(b"\n") if line.isdigit() and len(line) == 99)
    torn = [line for line in stage.content().split(b"\n")[:-1] if not (len(line) == 99 or line.startswith(b"[mamctl]"))]
    assert stored + sum(map(len, torn)) + lost == 50_000 * 100


def test_a_disk_full_at_the_first_byte_is_survived_when_the_sink_closes(
    disk: SmallDisk | FakeDisk, stage: Stage
) -> None:
    disk.fill()
    with stage.child() as descriptor:
        os.write(descriptor, b"x" * 9999 + b"\n" + b"y" * 9999 + b"\n")
        stage.sink.drain()
    stage.sink.close()
    assert stage.told(Dropped)[-1].bytes <= 20_000


def test_the_line_torn_by_a_loss_is_left_out_to_its_end(
    disk: SmallDisk | FakeDisk, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mamctl.runtime.logs.loss.RETRY", 0.0)
    with stage.child() as descriptor:
        os.write(descriptor, b"kept\n" + b"unfinished")
        stage.sink.drain()
        disk.fill()
        os.write(descriptor, b"x" * 9000 + b"\nlost\n" + b"y" * 9000)
        stage.until(lambda: bool(stage.told(Dropped)))
        disk.free()
        os.write(descriptor, b"end of y\nwhole\n")
        stage.sink.drain()
    assert stage.told(Resumed)
    lines = stage.content().split(b"\n")
    assert lines[0] == b"kept"
    assert lines[1].startswith(b"unfinished")
    assert lines[2].startswith(b"[mamctl] dropped ")
    assert lines[3:] == [b"whole", b""]


def test_without_splice_a_full_disk_is_the_same(
    staged: Callable[..., Stage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "splice")
    disk = FakeDisk(tmp_path / "logs", monkeypatch, calls=("pwrite",))
    stage = staged(max_size=0, intake=PipeIntake)
    disk.fill()
    stage.say(b"lost\n")
    assert stage.told(Dropped) == [Dropped(5, 1, "No space left on device")]
    disk.free()
    stage.until(lambda: bool(stage.told(Resumed)))
    assert stage.content() == b"[mamctl] dropped 1 line (5 bytes): no space left on device\n"


def test_a_second_loss_right_after_the_first_is_given_more_time() -> None:
    assert Loss("", again=True).retry_at > Loss("").retry_at + 1


def test_the_rest_of_a_torn_line_is_left_out_too() -> None:
    loss = Loss("No space left on device")
    loss.count(b"one\ntw", lambda _: None)
    assert loss.without_torn_head(b"o\nthree\n") == b"three\n"
    assert loss.without_torn_head(b"and on") == b""
    loss.count(b"o\n", lambda _: None)
    assert loss.without_torn_head(b"three\n") == b"three\n"
    assert (loss.bytes, loss.lines) == (8, 2)


def test_a_loss_of_nothing_leaves_no_mark() -> None:
    told: list[object] = []
    loss = Loss("Input/output error")
    loss.count(b"", told.append)
    assert loss.mark(b"") == b""
    loss.end(b"", told.append)
    assert told == []
