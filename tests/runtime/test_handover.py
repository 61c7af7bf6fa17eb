"""A supervisor without a guardian gives all that it has to whom systemd started, and only then it ends."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.handover import ASK, take_over
from mamctl.runtime.wire import BATCH, Wire
from tests.runtime.stack import descriptors
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = str(pathlib.Path(__file__).parent.parent.parent)
COUNT = BATCH + 50
GIVER = """
import asyncio, os, sys
from mamctl.runtime.handover import await_heir

def estate():
    reads, writes = os.pipe()
    os.write(writes, b"kept")
    return [(f"fifo/{number}", [os.dup(reads)], {"number": number}) for number in range(int(sys.argv[2]))]

async def main():
    await_heir(asyncio.get_running_loop(), sys.argv[1], estate, lambda: print("written", flush=True))
    await asyncio.Event().wait()

asyncio.run(main())
"""


def listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(path) == 0


@pytest.fixture
def giver(tmp_path: pathlib.Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    path = str(tmp_path / "heir")
    command = [sys.executable, "-c", GIVER, path, str(COUNT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE) as process:
        eventually(lambda: listens(path))
        yield path, process
        process.kill()


def test_the_heir_gets_all_and_the_other_is_gone(giver: tuple[str, subprocess.Popen[str]]) -> None:
    path, process = giver
    before = descriptors()
    found = take_over(path)
    assert found is not None
    assert [(name, len(fds), note) for name, fds, note in found] == [
        (f"fifo/{number}", 1, {"number": number}) for number in range(COUNT)
    ]
    assert os.read(found[-1][1][0], 10) == b"kept"
    for _, fds, _ in found:
        os.close(fds[0])
    assert process.wait(10) == 0
    assert not os.path.exists(path)
    assert descriptors() == before


def test_one_that_dies_before_it_has_all_is_no_heir(giver: tuple[str, subprocess.Popen[str]]) -> None:
    path, process = giver
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(ASK)
        [(page, given)] = Wire(line).receive() or []
        for fd in given:
            os.close(fd)
        assert page["more"]
    found = take_over(path)
    assert found is not None
    assert len(found) == COUNT
    for _, fds, _ in found:
        os.close(fds[0])
    assert process.wait(10) == 0


def test_who_says_something_else_gets_nothing(giver: tuple[str, subprocess.Popen[str]]) -> None:
    path, process = giver
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(b"hello\n")
        assert line.recv(10) == b""
    assert process.poll() is None


def test_without_anybody_there_is_nothing_to_take_over(tmp_path: pathlib.Path) -> None:
    assert take_over(str(tmp_path / "heir")) is None
