from __future__ import annotations

from mamctl.ui.canvas import ENTER, LEAVE, Canvas


def test_the_first_frame_draws_every_row_and_the_next_only_what_changed() -> None:
    canvas = Canvas()
    assert canvas.frame(["a", "b"], "foot", rows=4, width=80) == (
        "\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K\x1b[3;1H\x1b[K\x1b[4;1Hfoot\x1b[K\x1b[4;5H\x1b[J"
    )
    assert canvas.frame(["a", "B"], "foot", rows=4, width=80) == "\x1b[2;1HB\x1b[K"
    assert canvas.frame(["a", "B"], "foot", rows=4, width=80) == ""


def test_a_page_that_became_shorter_leaves_nothing_behind() -> None:
    canvas = Canvas()
    canvas.frame(["a", "b", "c"], "", rows=5, width=80)
    assert canvas.frame(["a"], "", rows=5, width=80) == "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K"


def test_a_full_line_is_not_erased_at_its_end() -> None:
    canvas = Canvas()
    assert canvas.frame(["12345678"], "", rows=2, width=8).startswith("\x1b[1;1H12345678\x1b[2;1H")


def test_what_does_not_fit_is_owned_up_to_and_the_footer_stays() -> None:
    text = Canvas().frame([str(number) for number in range(30)], "foot", rows=6, width=80)
    assert "(26 more lines: make the terminal taller)" in text
    assert "\x1b[6;1Hfoot" in text
    assert "\x1b[7;" not in text


def test_after_a_resize_everything_is_drawn_again_without_clearing_first() -> None:
    canvas = Canvas()
    canvas.frame(["a"], "foot", rows=3, width=80)
    canvas.forget()
    text = canvas.frame(["a"], "foot", rows=3, width=80)
    assert text.startswith("\x1b[1;1Ha")
    assert "\x1b[2J" not in text


def test_the_screen_that_was_there_comes_back() -> None:
    assert "?1049h" in ENTER
    assert "?1049l" in LEAVE
    assert "?25h" in LEAVE
