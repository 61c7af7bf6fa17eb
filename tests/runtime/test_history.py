"""Events keep their numbers and their order over supervisors, rotation, torn lines and full disks."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.runtime import history as history_module
from mamctl.runtime.eventfile import events_after, last_seq, parse, read_events
from mamctl.runtime.history import REMEMBERED, History

if TYPE_CHECKING:
    import pathlib

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def recorded(path: pathlib.Path, count: int, **data: Any) -> History:
    """Return a history in which so much happened, all of it on disk."""
    history = History(str(path), lambda: NOON)
    for _ in range(count):
        history.record("info", "web", 1, data)
    history.flush()
    return history


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "events"


def test_an_event_is_as_the_contract_has_it(path: pathlib.Path) -> None:
    history = recorded(path, 0)
    history.record("healthy", "backend", 3, {"detail": "fine"})
    history.flush()
    expected = {
        "seq": 1, "at": "2026-01-31T12:00:00.123Z", "service": "backend", "generation": 3, "type": "healthy",
        "data": {"detail": "fine"},
    }  # fmt: skip
    assert [json.loads(line) for line in path.read_text().splitlines()] == [expected]
    assert history.since(0, 10) == read_events(str(path)) == [expected]


def test_the_file_is_for_its_user_alone(path: pathlib.Path) -> None:
    recorded(path, 1)
    assert path.stat().st_mode & 0o777 == 0o600


def test_numbers_go_on_over_supervisors(path: pathlib.Path) -> None:
    recorded(path, 3)
    assert numbers([recorded(path, 0).record("info", None, 0, {})]) == [4]


def test_listeners_hear_until_they_end_it(path: pathlib.Path) -> None:
    history = recorded(path, 0)
    heard: list[int] = []
    unlisten = history.listen(lambda event: heard.append(event["seq"]))
    history.record("info", None, 0, {})
    unlisten()
    unlisten()
    history.record("info", None, 0, {})
    assert heard == [1]


def test_what_is_hidden_is_hidden_from_all(path: pathlib.Path) -> None:
    history = recorded(path, 0)
    history.hide = lambda data: dict.fromkeys(data, "***")
    heard: list[Any] = []
    history.listen(lambda event: heard.append(event["data"]))
    history.record("info", None, 0, {"detail": "swordfish"})
    history.flush()
    assert heard == [{"detail": "***"}]
    assert "swordfish" not in path.read_text() + str(history.since(0, 10))


@pytest.mark.parametrize("tail", [b'{"seq": 99, "ty', b"\x00" * 5000, b"[" * 100_000, b"{}\n", b"17\n", b"\xff\n\n\n"])
def test_a_torn_or_foreign_tail_is_passed_over_and_swallows_nothing(path: pathlib.Path, tail: bytes) -> None:
    recorded(path, 3)
    with path.open("ab") as file:
        file.write(tail)
    assert last_seq(str(path)) == 3
    recorded(path, 2)
    assert numbers(read_events(str(path))) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "line",
    [b"", b"null", b"[]", b'"x"', b"{}", b'{"seq": 1}', b'{"seq": true, "type": "x"}', b'{"seq": "1", "type": "x"}',
     b'{"seq": 1, "type": 2}', b"[" * 100_000, b"\xff\xfe", b"1e999"],
)  # fmt: skip
def test_what_is_no_event_is_none(line: bytes) -> None:
    assert parse(line) is None


def test_the_last_number_is_found_before_much_garbage_and_in_the_older_file(path: pathlib.Path) -> None:
    recorded(path, 4)
    with path.open("ab") as file:
        file.write((b"garbage".ljust(99) + b"\n") * 1000)
    assert last_seq(str(path)) == 4
    os.replace(path, f"{path}.1")
    assert last_seq(str(path)) == 4
    path.write_bytes(b"")
    assert last_seq(str(path)) == 4
    assert last_seq(f"{path}-none") == 0


def test_the_files_are_bounded(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "LARGEST", 10_000)
    history = recorded(path, 0)
    for _ in range(400):
        history.record("info", "web", 1, {"text": "x" * 50})
        history.flush()
    assert sorted(os.listdir(path.parent)) == ["events", "events.1"]
    assert all(os.stat(f"{path}{end}").st_size < 10_300 for end in ("", ".1"))
    found = numbers(read_events(str(path)))
    assert found == list(range(found[0], 401))
    assert len(found) > 50


def test_reading_from_a_number_finds_all_after_it_in_both_files(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "LARGEST", 400_000)
    for count in (900, 900, 900):
        recorded(path, count, text="x" * 300)
    first = read_events(str(path))[0]["seq"]
    for seq in (0, first, first + 1, 1700, 2000, 2698, 2699, 2700, 5000):
        assert numbers(events_after(str(path), seq, 3)) == list(range(max(seq + 1, first), 2701))[:3]


def test_what_was_remembered_and_what_is_on_disk_meet_without_a_gap(path: pathlib.Path) -> None:
    history = recorded(path, REMEMBERED + 50)
    history.record("info", None, 0, {})
    last = history.last
    seen = [0]
    while page := numbers(history.since(seen[-1], 37)):
        seen += page
    assert seen == list(range(last + 1))
    assert history.since(last, 10) == history.since(last + 5, 10) == []


def test_memory_stands_in_for_what_the_disk_never_took(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the old events are nowhere, but those that are remembered are all told."""

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(history_module.os, "write", full)
        history = recorded(path, REMEMBERED + 10)
    assert numbers(history.since(3, 5)) == [11, 12, 13, 14, 15]


def test_a_full_disk_raises_nothing_and_tears_nothing_that_comes_after(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 150
    write = os.write

    def nearly_full(fd: int, data: bytes) -> int:
        nonlocal room
        if room == 0:
            raise OSError(28, "No space left on device")
        taken, room = write(fd, data[:room]), 0
        return taken

    history = recorded(path, 0)
    with monkeypatch.context() as patch:
        patch.setattr(history_module.os, "write", nearly_full)
        for _ in range(3):
            history.record("info", "web", 1, {"text": "x" * 60})
            history.flush()
    history.record("info", "web", 1, {"text": "after"})
    history.flush()
    assert numbers(read_events(str(path))) == [4]
    assert numbers(history.since(0, 10)) == [4] or numbers(history.since(0, 10)) == [1, 2, 3, 4]


def test_a_folder_that_is_gone_raises_nothing(tmp_path: pathlib.Path) -> None:
    history = recorded(tmp_path / "none" / "events", 2)
    assert numbers(history.since(0, 10)) == [1, 2]


def test_a_link_in_the_files_place_is_not_followed(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "precious").write_text("")
    path.symlink_to(tmp_path / "precious")
    recorded(path, 2)
    assert (tmp_path / "precious").read_text() == ""


@given(lines=st.lists(st.one_of(st.binary(max_size=40), st.integers(1, 3)), max_size=30), seq=st.integers(0, 40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_garbage_between_events_hides_one(tmp_path: pathlib.Path, lines: list[bytes | int], seq: int) -> None:
    """Integers are so many events, in order; bytes are what else may stand in the file."""
    path = tmp_path / "events"
    count, text = 0, b""
    for line in lines:
        if isinstance(line, bytes):
            text += line.replace(b"\n", b"?") + b"\n"
            continue
        for _ in range(line):
            count += 1
            text += json.dumps({"seq": count, "type": "info"}).encode() + b"\n"
    path.write_bytes(text)
    assert numbers(events_after(str(path), seq, 100)) == list(range(seq + 1, count + 1))
    assert last_seq(str(path)) == count
