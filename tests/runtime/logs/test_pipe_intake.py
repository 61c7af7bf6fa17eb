from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from mamctl.runtime.logs.intake import Budget, PipeIntake

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.runtime.logs.stage import Stage


def test_a_pipe_that_was_full_grows_within_the_budget(staged: Callable[..., Stage]) -> None:
    budget = Budget(1 << 20)
    first, second = (
        staged(service=name, intake=lambda fifo, log, note: PipeIntake(fifo, log, note, budget)) for name in "ab"
    )
    for stage in (first, second):
        with stage.child() as descriptor:
            os.write(descriptor, b"x" * 60_000)
            stage.sink.drain()
    assert fcntl.fcntl(first.sink.fileno(), 1032) == 1 << 20
    assert fcntl.fcntl(second.sink.fileno(), 1032) == 1 << 16
    first.sink.close()
    assert budget.left == 1 << 20


def test_a_pipe_that_may_not_grow_is_used_as_it_is(staged: Callable[..., Stage]) -> None:
    stage = staged(intake=lambda fifo, log, note: PipeIntake(fifo, log, note, Budget(0)))
    process = stage.spawn("import os\nfor n in range(30): os.write(1, b'x' * 99_999 + b'\\n')")
    stage.landed(3_000_000)
    assert stage.ended(process) == 0


def test_a_pipe_that_the_kernel_does_not_let_grow_is_used_as_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.fcntl

    def refuse(descriptor: int, command: int, *arguments: int) -> int:
        if command == 1031:
            raise PermissionError(1, "Operation not permitted")
        return real(descriptor, command, *arguments)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    stage.say(b"x" * 60_000)
    assert stage.content() == b"x" * 60_000


def test_a_file_system_without_splice_is_copied_to(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "splice", refuse)
    process = stage.spawn("import os\nfor n in range(3000): os.write(1, b'%099d\\n' % n)")
    stage.landed(300_000)
    assert stage.ended(process) == 0
    assert [int(line) for line in stage.content().splitlines()] == list(range(3000))
