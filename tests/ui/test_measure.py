from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from mamctl.ui.measure import UNLIMITED, columns, cut, pad, width_of, wrap

printable = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert columns("● ready") == 7
    assert columns("a\u200db\ufe0f") == 2


@given(printable, st.integers(0, 40))
def test_a_cut_text_never_exceeds_its_width(text: str, width: int) -> None:
    assert columns(cut(text, width)) <= max(width, 0)


@given(printable, st.integers(61, 140))
def test_a_padded_text_has_exactly_its_width(text: str, width: int) -> None:
    assert columns(pad(text, width)) == max(width, columns(text))
    assert columns(pad(text, width, right=True)) == max(width, columns(text))


def test_a_cut_prefers_the_end_of_a_word() -> None:
    assert cut("port 8000 is held by pid 4312", 20) == "port 8000 is held…"
    assert cut("averyveryverylongsingleword", 10) == "averyvery…"


def test_wrapping_breaks_between_words_and_indents() -> None:
    lines = wrap("hint: stop the holder or change the port", 20, "  ", "        ")
    assert lines == ["  hint: stop the", "        holder or", "        change the", "        port"]
    assert wrap("", 20) == [""]


@given(st.lists(st.text("abc", min_size=1, max_size=15), max_size=20), st.integers(20, 60))
def test_wrapping_keeps_every_word_whole(words: list[str], width: int) -> None:
    lines = wrap(" ".join(words), width, "", "  ")
    assert " ".join(lines).split() == words
    assert all(columns(line) <= width for line in lines)


def test_the_width_is_told_by_columns_and_a_pipe_has_no_limit() -> None:
    assert width_of(io.StringIO(), {"COLUMNS": "200"}) == 200
    assert width_of(io.StringIO(), {"COLUMNS": "3"}) == 40
    assert width_of(io.StringIO(), {"COLUMNS": "wide"}) == UNLIMITED
