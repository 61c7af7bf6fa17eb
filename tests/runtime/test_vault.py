"""What a guardian keeps: by name, given away in pages that the kernel takes, drained while no brain is in charge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.vault import Vault
from mamctl.runtime.wire import BATCH
from tests.runtime.stack import descriptors

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def vault() -> Iterator[Vault]:
    before = descriptors()
    found = Vault([])
    yield found
    found.rest()
    for name in list(found.kept):
        found.drop(name)
    assert descriptors() == before


def null() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def test_what_a_name_stood_for_before_is_let_go(vault: Vault) -> None:
    first, second = null(), null()
    vault.keep("socket/web", [first], {"a": 1})
    vault.keep("socket/web", [second], {"a": 2})
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(first)
    assert vault.kept == {"socket/web": ((second,), '{"a": 2}')}
    vault.drop("socket/web")
    vault.drop("nobody's")
    assert vault.kept == {}


def test_pages_hold_whole_entries_in_order_and_as_many_descriptors_as_the_kernel_takes(vault: Vault) -> None:
    for number in range(250):
        vault.keep(f"fifo/{number}", [null() for _ in range(1 + number % 2)], {"number": number})
    found, more, pages = [], True, 0
    while more:
        page, given = vault.page(len(found))
        assert len(given) == sum(count for _, count, _ in page["items"]) <= BATCH
        found += [(name, count, note["number"]) for name, count, note in page["items"]]
        more, pages = page["more"], pages + 1
    assert found == [(f"fifo/{number}", 1 + number % 2, number) for number in range(250)]
    assert pages == 2


def test_an_empty_one_has_one_empty_page(vault: Vault) -> None:
    assert vault.page(0) == ({"items": [], "more": False}, [])


def test_another_guardian_has_all_of_it(vault: Vault) -> None:
    vault.keep("lock", [null()], {})
    vault.keep("fifo/web", [null()], {"grace": 3.0})
    assert Vault(vault.estate()).kept == vault.kept


def test_only_fifos_with_logs_are_drained_and_what_was_lost_is_noted(vault: Vault, tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    (tmp_path / "log").touch()
    vault.keep("lock", [null()], {})
    vault.keep("fifo/web", [fifo], {"logs": [{"log": str(tmp_path / "log"), "index": "none"}], "signal": 2})
    [(heard, move)] = vault.drain().items()
    os.write(fifo, b"one\n")
    move()
    os.write(fifo, b"two\n")
    vault.move()
    assert heard == fifo
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"

    vault.drains[fifo][1].lost = 5
    vault.rest()
    assert vault.drains == {}
    assert vault.note("fifo/web")["lost"] == 5
    assert (vault.note("fifo/web")["signal"], vault.note("fifo/nobody")) == (2, {})


def test_a_terminal_is_passed_on_into_its_pipe_and_that_into_the_log(vault: Vault, tmp_path: pathlib.Path) -> None:
    log, index = tmp_path / "repl.log", tmp_path / "repl.idx"
    log.touch()
    out, end = os.pipe()
    master, slave = os.openpty()
    for descriptor in (master, out):
        os.set_blocking(descriptor, False)
    vault.keep("fifo/repl", [out], {"logs": [{"log": str(log), "index": str(index)}]})
    vault.keep("tty/repl", [master, end, slave], {"terminal": True})
    os.write(slave, b"shown\n")
    moves = vault.drain()
    assert set(moves) == {out, master}
    moves[master]()
    moves[out]()
    assert log.read_bytes() == b"shown\r\n"
    vault.rest()
    assert vault.note("tty/repl") == {"terminal": True, "lost": 0}
