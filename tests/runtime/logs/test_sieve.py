"""Searching whole blocks finds exactly the lines that a search of each line finds."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.runtime.logs.files import LogFiles
from mamctl.runtime.logs.reader import tail
from mamctl.runtime.logs.sieve import sieve

PARTS = (
    b"a", b"b", b"ab", b".", b"a*", b"b+", b"a?", b"b*?", b"[ab]", b"[^a]", b"^", b"$", b"(a|b)", b"(?:ab)+", b"|",
    b" ", rb"\b", rb"\B", rb"\s", rb"\S*", rb"\w", rb"\W", rb"\A", rb"\Z", b"(?i)A", b"(?<!a)b", b"(?=b)", b"a++",
    b"(?>a*)", b"\r",
)  # fmt: skip
LINES = st.lists(st.text("ab \r", max_size=6).map(str.encode), max_size=30)


def found(data: bytes, pattern: re.Pattern[bytes], count: int | None = None) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.log")
        path.write_bytes(data)
        files = LogFiles("x", "output", str(path), str(path) + ".idx")
        return [line.line for line in tail([files], lines=count, pattern=pattern)]


@given(
    lines=LINES, parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), end=st.sampled_from([b"", b"\n", b"a"])
)
def test_a_block_holds_the_same_lines_as_its_lines_one_by_one(
    lines: list[bytes], parts: list[bytes], end: bytes
) -> None:
    try:
        pattern = re.compile(b"".join(parts))
    except re.error:
        return
    data = b"\n".join(lines) + end
    each = data.split(b"\n")
    expected = [line for line in (each if each[-1] else each[:-1]) if pattern.search(line)]
    assert found(data, pattern) == expected
    assert found(data, pattern, 2) == expected[-2:]


@pytest.mark.parametrize("pattern", [b"(?<=a)b", rb"a\Z", rb"\s", b"[^a]", b"a*+b", b"\n", rb"\x0a", b"(?s)a.b"])
def test_what_looks_beyond_its_line_is_tried_on_each_line_alone(pattern: bytes) -> None:
    assert sieve(re.compile(pattern)) is None


@pytest.mark.parametrize("pattern", [b"error", b"GET /a", b"error|warn", b"^a.*b$", b"(?i)error", rb"\d+ ms", b"a\\.b"])
def test_common_patterns_are_searched_in_whole_blocks(pattern: bytes) -> None:
    assert sieve(re.compile(pattern)) is not None


def test_a_match_at_the_edge_of_a_block_is_found_once() -> None:
    filler = b"x" * 1023 + b"\n"
    data = filler * 255 + b"y" * 1000 + b"needle" + b"z" * 300_000 + b"needle\n" + filler * 300 + b"needle"
    assert [line[-6:] for line in found(data, re.compile(b"needle"))] == [b"needle", b"needle"]
