from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.ui.escape import displayable


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"plain text", "plain text"),
        ("naïve 日本 ✓".encode(), "naïve 日本 ✓"),
        (b"a\tb", "a\tb"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b[2J\x1b[Hcleared", "cleared"),
        (b"\x1b[?25lhidden\x1b[?25h", "hidden"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"text\x1b]52;c;c3RlYWw=", "text"),
        (b"\x1bPq#0\x1b\\sixel", "sixel"),
        (b"cut \x1b[31", "cut "),
        (b"cut \x1b", "cut "),
        (b"\x1b(Bset", "set"),
        (b"\x1b\x1b[0m[31m", "[31m"),
        (b"\xc2\x9b31mC1", "C1"),
        (b"\xc2\x9d0;title\xc2\x9cC1", "C1"),
        (b"bell\x07 back\x08space\0 nul\x7f", "bell backspace nul"),
        (b"line\r", "line"),
        (b"\xff\xfebad", "��bad"),
        (b"", ""),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(written: bytes, shown: str) -> None:
    assert displayable(written) == shown


@given(st.binary() | st.text(alphabet="\x1b[]0;m\x07\\ab\x9b\x9d\x9c\x18").map(str.encode))
def test_no_control_character_but_tab_is_ever_shown(line: bytes) -> None:
    assert not [c for c in displayable(line) if (ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160]


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"])))
def test_text_without_control_characters_is_shown_as_it_is(text: str) -> None:
    assert displayable(text.encode()) == text
