"""The journal tells the next supervisor what was, whatever became of the one that wrote it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.runtime import journal as journal_module
from mamctl.runtime.journal import Journal, previous_ports, read_journal

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

PORTS = {("web", "http"): 8001, ("web", "admin"): 8002}


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: pathlib.Path) -> Iterator[Journal]:
    found = Journal(str(path))
    found.begin(PORTS)
    yield found
    found.close()


def kinds(path: pathlib.Path) -> list[tuple[Any, ...]]:
    return [(record["type"], record.get("service"), record.get("pid")) for record in read_journal(str(path))]


def test_the_intent_stands_before_the_spawn(journal: Journal, path: pathlib.Path) -> None:
    journal.intent("web", 1, "test/web/abc", "digest")
    assert read_journal(str(path))[-1] == {
        "type": "intent", "service": "web", "generation": 1, "instance": "test/web/abc", "run": "digest",
    }  # fmt: skip
    journal.spawned("web", 1, 4312)
    journal.ended("web", 1, None, 9)
    journal.down()
    assert [kind for kind, _, _ in kinds(path)] == ["begin", "intent", "spawned", "ended", "down"]


def test_it_is_for_its_user_alone(journal: Journal, path: pathlib.Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_supervisor_begins_anew_and_knows_the_ports(path: pathlib.Path, journal: Journal) -> None:
    journal.intent("web", 1, "x")
    assert previous_ports(str(path)) == PORTS
    second = Journal(str(path))
    second.begin(previous_ports(str(path)))
    second.close()
    assert kinds(path) == [("begin", None, os.getpid())]
    assert previous_ports(str(path)) == PORTS


def test_ports_that_were_chosen_later_count(journal: Journal, path: pathlib.Path) -> None:
    journal.ports({("web", "http"): 8009})
    journal.intent("web", 1, "x")
    assert previous_ports(str(path)) == {("web", "http"): 8009}


@pytest.mark.parametrize(
    "tail", [b'{"type": "spaw', b"\x00\x00\x00", b"[" * 100_000, b"17\n", b"\xff\xfe\n", b'"x"\n', b"\n\n"]
)
def test_a_torn_or_foreign_tail_is_passed_over(journal: Journal, path: pathlib.Path, tail: bytes) -> None:
    journal.intent("web", 1, "x")
    with path.open("ab") as file:
        file.write(tail)
    assert [kind for kind, _, _ in kinds(path)] == ["begin", "intent"]
    assert previous_ports(str(path)) == PORTS


@pytest.mark.parametrize(
    "ports",
    ["7", "null", '{"a": 1}', '"text"', '[["web", "http"]]', '[[["web"], "http", 1]]', '[["web", "http", "1"]]',
     '[["web", "http", 0]]', '[["web", "http", 70000]]', '[["web", "http", 1.5]]', "[7, null]"],
)  # fmt: skip
def test_ports_that_are_none_are_not_believed(path: pathlib.Path, ports: str) -> None:
    path.write_text(f'{{"type": "begin", "ports": {ports}}}\n')
    assert previous_ports(str(path)) == {}


def test_without_a_journal_nothing_is_known(path: pathlib.Path) -> None:
    assert read_journal(str(path)) == []
    assert previous_ports(str(path)) == {}


def test_it_stays_small_and_forgets_nothing_that_holds(
    journal: Journal, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "LARGEST", 5000)
    journal.intent("steady", 1, "test/steady/1")
    journal.spawned("steady", 1, 77)
    for generation in range(1, 200):
        journal.intent("flaps", generation, f"test/flaps/{generation}")
        journal.spawned("flaps", generation, 1000 + generation)
        assert path.stat().st_size <= 5200
        if generation < 199:
            journal.ended("flaps", generation, 1, None)
    records = read_journal(str(path))
    alive = {
        record["service"]: record["pid"]
        for record in records
        if record["type"] == "spawned"
        and not any(other["type"] == "ended" and other["generation"] == record["generation"] for other in records)
    }
    assert alive["steady"] == 77
    assert alive["flaps"] == 1199
    assert previous_ports(str(path)) == PORTS
    assert sorted(os.listdir(path.parent)) == ["journal"]
    assert path.stat().st_mode & 0o777 == 0o600


def full(_fd: int, _data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_a_full_disk_raises_nothing_and_tears_nothing_that_comes_after(
    journal: Journal, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", lambda fd, data: write(fd, data[:20]))
        journal.intent("web", 1, "x")
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", full)
        journal.spawned("web", 1, 5)
    journal.spawned("db", 1, 6)
    journal.ended("db", 1, 0, None)
    assert [kind for kind, _, _ in kinds(path)] == ["begin", "spawned", "ended"]


def test_a_full_disk_at_the_beginning_leaves_the_ports_of_the_last_run(
    path: pathlib.Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Journal(str(path))
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", full)
        second.begin({("web", "http"): 9000})
    assert previous_ports(str(path)) == PORTS
    second.intent("web", 1, "x")
    second.close()
    assert [kind for kind, _, _ in kinds(path)] == ["begin", "intent"]


def test_a_link_in_its_place_is_not_followed(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "precious").write_text("precious")
    path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        Journal(str(path))
    assert (tmp_path / "precious").read_text() == "precious"


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_keep_a_supervisor_from_beginning(tmp_path: pathlib.Path, data: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(data)
    assert isinstance(previous_ports(str(path)), dict)
    journal = Journal(str(path))
    journal.begin(PORTS)
    journal.close()
    assert previous_ports(str(path)) == PORTS


def test_a_request_is_made_with_what_it_changes_not_with_what_is_chosen_for_it(
    path: pathlib.Path, journal: Journal
) -> None:
    journal.request("one", "POST", "/v1/services/worker/scale")
    journal.ports({("worker-1", "http"): 8003})
    journal.scale({"worker": 2})
    assert [record["type"] for record in read_journal(str(path))] == ["begin", "begin", "scale"]
    journal.service("worker-1", {"state": "starting"})
    assert [record["type"] for record in read_journal(str(path))][3:] == ["request", "service"]


def test_numbers_of_replicas_are_written_down_when_they_are_news(path: pathlib.Path, journal: Journal) -> None:
    for replicas in ({}, {"worker": 2}, {"worker": 2}, {}):
        journal.scale(replicas)
    found = [record["replicas"] for record in read_journal(str(path)) if record["type"] == "scale"]
    assert found == [{"worker": 2}, {}]
