from __future__ import annotations

from mamctl.ui.happenings import Happening
from mamctl.ui.paint import Paint
from mamctl.ui.stream import Stream

PLAIN = Paint(enabled=False)


def test_prefixes_are_aligned_and_keep_the_widest_name() -> None:
    stream = Stream(["api", "backend"], PLAIN, times=False)
    assert stream.line("api", 0.0, b"hello") == "api     | hello"
    assert stream.line("backend", 0.0, b"hello") == "backend | hello"


def test_a_service_met_later_gets_a_column_too() -> None:
    stream = Stream(["api"], PLAIN, times=False)
    assert stream.line("frontend", 0.0, b"x") == "frontend | x"
    assert stream.line("api", 0.0, b"x") == "api      | x"


def test_a_very_long_name_is_cut() -> None:
    stream = Stream(["a-service-with-a-very-long-name"], PLAIN, times=False)
    assert stream.line("a-service-with-a-very-long-name", 0.0, b"x") == "a-service-with-a-ve… | x"


def test_each_service_keeps_its_colour() -> None:
    stream = Stream(["a", "b"], Paint(enabled=True), times=False)
    first, again = stream.line("a", 0.0, b"1"), stream.line("a", 0.0, b"2")
    assert first.split("a |")[0] == again.split("a |")[0]
    assert first.split("a |")[0] != stream.line("b", 0.0, b"1").split("b |")[0]


def test_escapes_of_a_service_do_not_reach_the_terminal() -> None:
    stream = Stream(["a"], PLAIN, prefix=False, times=False)
    line = stream.line("a", 0.0, b"\x1b[2J\x1b]0;title\x07red \x1b[31malert\x1b[0m \xff\x9b1m")
    assert "\x1b" not in line
    assert "\x07" not in line
    assert "red alert" in line


def test_a_state_has_a_line_of_its_own_with_its_address() -> None:
    stream = Stream(["backend"], PLAIN, times=False)
    lines = stream.state("backend", 0.0, Happening("ready after 0.8 s", "ready"), url="http://127.0.0.1:5001")
    assert lines == ["● backend ready after 0.8 s  http://127.0.0.1:5001"]
    assert stream.state(None, 0.0, Happening("the supervisor started", "")) == ["• the supervisor started"]


def test_lines_that_were_skipped_are_owned_up_to() -> None:
    assert "1,234,567 lines not shown" in Stream([], PLAIN, times=False).skipped(0.0, 1_234_567)
