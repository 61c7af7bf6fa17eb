from __future__ import annotations

from mamctl.runtime.logs.pace import COALESCE, pause

PIPE = 1 << 16


def test_a_service_that_says_little_is_read_every_two_milliseconds() -> None:
    assert pause(moved=80, elapsed=0.002, capacity=PIPE) == COALESCE


def test_a_service_that_begins_to_speak_after_an_hour_is_not_hurried() -> None:
    assert pause(moved=80, elapsed=3600.0, capacity=PIPE) == COALESCE


def test_the_pipe_is_not_left_to_fill_beyond_its_half() -> None:
    assert 0.001 <= pause(moved=20_000, elapsed=0.001, capacity=PIPE) < COALESCE


def test_a_flood_is_read_without_a_pause() -> None:
    assert pause(moved=40_000, elapsed=0.0001, capacity=PIPE) == 0


def test_a_pipe_that_was_full_is_read_without_a_pause_however_long_it_took() -> None:
    assert pause(moved=PIPE, elapsed=10.0, capacity=PIPE) == 0
