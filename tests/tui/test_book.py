"""The last lines of a log: bounded, wrapped, filtered, searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.core.errors import UsageError
from mamctl.tui.book import BULK, Line, LogBook, folded, level_of, pattern_of
from mamctl.ui.measure import columns


def written(*texts):
    return [Line("web", "12:00:00", text) for text in texts]


def shown(book):
    return [book.line(row.number).text[row.start : row.stop] for row in book.rows]


def test_lines_that_are_too_many_are_forgotten_at_the_beginning():
    book = LogBook(kept=BULK + 10)
    book.add(written(*map(str, range(BULK + 10))))
    assert book.add(written("last")) == BULK + 1
    assert len(book) == 10
    assert shown(book)[0] == str(BULK + 1)
    assert shown(book)[-1] == "last"


def test_a_long_line_goes_on_below_only_while_lines_are_wrapped():
    book = LogBook()
    book.shape(4, None)
    book.add(written("abcdefghij", ""))
    assert shown(book) == ["abcd", "efgh", "ij", ""]
    book.shape(None, None)
    assert shown(book) == ["abcdefghij", ""]
    assert book.widest == 10


def test_only_lines_that_match_are_rows_also_those_that_come_later():
    book = LogBook()
    book.add(written("error one", "fine"))
    book.shape(None, pattern_of("error"))
    book.add(written("fine", "ERROR two"))
    assert shown(book) == ["error one", "ERROR two"]


def test_matches_are_the_first_rows_of_lines():
    book = LogBook()
    book.shape(3, None)
    book.add(written("abcdef", "xyz", "defabc"))
    assert book.matches(pattern_of("def")) == [0, 3]


def test_rows_still_mean_their_lines_when_others_were_forgotten():
    book = LogBook(kept=BULK)
    book.shape(3, None)
    for number in range(4 * BULK):
        book.add(written(f"line {number}"))
    assert "".join(shown(book)[-3:]) == f"line {4 * BULK - 1}"
    assert len(book) <= BULK


def test_small_letters_mean_large_ones_too_and_large_ones_only_themselves():
    assert pattern_of("warn").search("WARNING")
    assert not pattern_of("Warn").search("WARNING")


def test_what_is_no_pattern_is_told():
    with pytest.raises(UsageError, match="no regular expression"):
        pattern_of("(")


def test_a_line_is_as_bad_as_its_first_word_of_that_kind():
    assert level_of("2026 ERROR upstream: warning follows") == "bad"
    assert level_of("WARN disk is nearly full, error soon") == "warn"
    assert level_of("terror and forewarning") == ""


@given(st.text(max_size=80), st.integers(2, 20))
def test_parts_of_a_folded_line_are_the_line_and_fit(text, width):
    parts = [text[start:stop] for start, stop in folded(text, width)]
    assert "".join(parts) == text
    assert all(columns(part) <= width for part in parts)
