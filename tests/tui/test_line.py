"""What was read of a log, over a break of the line."""

from __future__ import annotations

from mamctl.tui.line import Seen


def told(seen, *times):
    return [at for at in times if seen.is_new(at)]


def test_after_a_break_nothing_is_told_twice_and_nothing_is_left_out():
    seen = Seen()
    assert told(seen, "10:00", "10:01", "10:01") == ["10:00", "10:01", "10:01"]
    assert seen.since() is not None
    assert told(seen, "10:00", "10:01", "10:01", "10:01", "10:02") == ["10:01", "10:02"]


def test_without_a_break_a_late_line_of_another_service_is_told():
    seen = Seen()
    assert told(seen, "10:05", "10:04", "10:05") == ["10:05", "10:04", "10:05"]


def test_at_first_there_is_no_age():
    assert Seen().since() is None
