from __future__ import annotations

from mamctl.ui.live import HIDE_CURSOR, SHOW_CURSOR, Live, bare, spinner


def test_without_a_terminal_only_the_lines_are_written() -> None:
    live = Live(terminal=False, width=80)
    assert live.frame(["one", "two"], ["summary"]) == "one\ntwo\n"
    assert live.clear() == ""


def test_lines_scroll_above_a_summary_that_is_erased_and_drawn_again() -> None:
    live = Live(terminal=True, width=80)
    assert live.frame(["one"], ["a", "b"]) == f"one\n{HIDE_CURSOR}a\nb\r"
    assert live.frame(["two"], ["c"]) == f"\r\x1b[1A\x1b[J{SHOW_CURSOR}two\n{HIDE_CURSOR}c\r"
    assert live.clear() == f"\r\x1b[J{SHOW_CURSOR}"
    assert live.clear() == ""


def test_nothing_is_written_when_nothing_changed() -> None:
    live = Live(terminal=True, width=80)
    live.frame([], ["same"])
    assert live.frame([], ["same"]) == ""


def test_a_summary_is_cut_to_the_width_and_to_three_lines() -> None:
    live = Live(terminal=True, width=20)
    text = live.frame([], ["x" * 50, "b", "c", "d"])
    assert text == f"{HIDE_CURSOR}{'x' * 18}…\nb\nc\r"


def test_after_a_narrower_terminal_folded_the_summary_all_its_rows_are_erased() -> None:
    live = Live(terminal=True, width=80)
    live.frame([], ["x" * 70, "y"])
    live.resize(30)
    assert live.frame(["line"], []).startswith("\r\x1b[3A\x1b[J")


def test_colour_does_not_count_as_width() -> None:
    assert bare("\x1b[32mgreen\x1b[0m \x1b[2mdim\x1b[0m") == "green dim"
    assert bare("\x1b[unfinished") == "\x1b[unfinished"
    live = Live(terminal=True, width=12)
    assert "…" not in live.frame([], ["\x1b[32mexactly 11.\x1b[0m"])


def test_the_spinner_turns_ten_times_a_second() -> None:
    assert len({spinner(tenth / 10 + 0.01, unicode=True) for tenth in range(10)}) == 10
    assert spinner(0.1, unicode=False) == "/"
