"""A file that is truncated at the moment of a splice: the bytes go to its real end, and no NULs are left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs.hole import before, close_gap

if TYPE_CHECKING:
    import pathlib

OLD = b"an old line\n" * 2000
NEW = b"a new line\nand another\n"


def landed(path: pathlib.Path, old: bytes, meanwhile: bytes | None, new: bytes = NEW) -> tuple[int, bytes]:
    """Let `new` land where `old` ended, after somebody put `meanwhile` in its place; return the start and the file."""
    path.write_bytes(old)
    descriptor = os.open(path, os.O_RDWR)
    try:
        known = before(descriptor, len(old))
        if meanwhile is not None:
            path.write_bytes(meanwhile)
        os.pwrite(descriptor, new, len(old))
        return close_gap(descriptor, len(old), len(new), known), path.read_bytes()
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("old", [b"", b"x", OLD[:12], OLD, b"a\0b\0", b"\0" * 5000], ids=len)
def test_nothing_moves_when_nobody_truncated(tmp_path: pathlib.Path, old: bytes) -> None:
    assert landed(tmp_path / "log", old, None) == (len(old), old + NEW)


@pytest.mark.parametrize("old", [OLD[:12], OLD, OLD * 10, b"a\0b\0"], ids=len)
@pytest.mark.parametrize("meanwhile", [b"", b"\n", OLD[:6000]], ids=len)
def test_what_landed_behind_the_cut_is_put_to_the_end(tmp_path: pathlib.Path, old: bytes, meanwhile: bytes) -> None:
    meanwhile = meanwhile[: len(old) // 3]
    assert landed(tmp_path / "log", old, meanwhile) == (len(meanwhile), meanwhile + NEW)


def test_a_cut_in_the_middle_of_the_splice_leaves_no_gap_either(tmp_path: pathlib.Path) -> None:
    assert landed(tmp_path / "log", OLD, b"", b"\0" * 4096 + NEW) == (0, NEW)


def test_one_that_was_cut_after_the_bytes_landed_is_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD + NEW)
    with path.open("r+b") as file:
        known = before(file.fileno(), len(OLD))
        os.truncate(path, 0)
        assert close_gap(file.fileno(), len(OLD), len(NEW), known) == len(OLD)
    assert path.read_bytes() == b""
