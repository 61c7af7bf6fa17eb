"""What a program switched on in a terminal is switched off when nobody shows that program any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.ui.screen import ScreenModes

PLAIN = b"\x1b[0m"


def undone(*pieces: bytes) -> bytes:
    modes = ScreenModes()
    for piece in pieces:
        modes.see(piece)
    return modes.undo()


def test_a_program_that_switches_nothing_leaves_plain_colours() -> None:
    assert undone(b"hello \x1b[31mred\x1b[2J") == PLAIN


@pytest.mark.parametrize(
    ("shown", "undo"),
    [
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[?7l", b"\x1b[?7h"),
        (b"\x1b[?1000;1006h", b"\x1b[?1006l\x1b[?1000l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
        (b"\x1b=", b"\x1b>"),
    ],
)
def test_what_was_switched_is_switched_back(shown: bytes, undo: bytes) -> None:
    assert undone(shown) == undo + PLAIN
    assert undone(b"x" * 100 + shown + b"y" * 100) == undo + PLAIN


def test_what_the_program_has_switched_back_itself_is_left_alone() -> None:
    assert undone(b"\x1b[?1049h\x1b[?25l\x1b=", b"bye\x1b>\x1b[?25h\x1b[?1049l") == PLAIN


def test_modes_that_change_nothing_for_others_are_left_alone() -> None:
    assert undone(b"\x1b[?12h\x1b[?99999h\x1b[?;h\x1b[4h") == PLAIN


@given(st.integers(0, 16))
def test_a_sequence_may_come_in_two_pieces(cut: int) -> None:
    shown = b"ab\x1b[?1049h\x1b[?25l"
    assert undone(shown[:cut], shown[cut:]) == b"\x1b[?25h\x1b[?1049l" + PLAIN


@given(st.lists(st.binary(max_size=60)))
def test_whatever_is_shown_can_be_undone(pieces: list[bytes]) -> None:
    assert undone(*pieces).endswith(PLAIN)
