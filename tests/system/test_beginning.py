"""The moment before a supervisor stands: one that is leaving is waited for, one that runs is not."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import TYPE_CHECKING

import pytest

from mamctl.cli import supervision
from mamctl.cli.supervision import keep_only, open_once_free
from mamctl.control.place import Place, place
from mamctl.runtime.guarded import Guarded
from mamctl.runtime.ownership import TakenError, own
from mamctl.runtime.process_manager import ProcessManager

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def where(tmp_path: pathlib.Path) -> Place:
    (tmp_path / "services.yaml").write_text("services: {a: {command: [sleep, '1000']}}\n")
    (tmp_path / ".mamctl").mkdir(mode=0o700)
    return place(str(tmp_path / "services.yaml"), {})


@pytest.fixture
def lock(where: Place) -> Iterator[int]:
    """Be the supervisor that has the place."""
    held = own(where.home, where.manifest)
    yield held
    os.close(held)


class Patient(ProcessManager):
    """Counts how often it tried, and lets the other one go at the third time."""

    tries = 0
    other = -1

    def open(self) -> None:
        self.tries += 1
        if self.tries == 3 and self.other >= 0:
            fcntl.flock(self.other, fcntl.LOCK_UN)
        super().open()


def manager_of(where: Place) -> Patient:
    return Patient(where.manifest, home=where.home, logs=where.logs)


@pytest.fixture
def alone() -> Iterator[Guarded]:
    """Give custody by a guardian that has nothing and says nothing."""
    ours, theirs = socket.socketpair()
    guarded = Guarded({"guardian": theirs.detach(), "start": "first"})
    yield guarded
    guarded._wire.close()
    ours.close()


def test_one_without_a_socket_is_leaving_and_waited_for(where: Place, lock: int, alone: Guarded) -> None:
    manager = manager_of(where)
    manager.other = lock
    open_once_free(manager, where, alone)
    assert manager.tries == 3
    os.close(manager._lock)


def test_one_with_a_socket_runs_and_is_not_waited_for(
    where: Place, lock: int, alone: Guarded, tmp_path: pathlib.Path
) -> None:
    (tmp_path / ".mamctl" / "control.sock").touch()
    manager = manager_of(where)
    with pytest.raises(TakenError):
        open_once_free(manager, where, alone)
    assert manager.tries == 1


def test_one_that_neither_leaves_nor_stands_is_not_waited_for_long(
    where: Place, lock: int, alone: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LEAVING_SECONDS", 0.02)
    with pytest.raises(TakenError):
        open_once_free(manager_of(where), where, alone)


def test_what_is_kept_is_kept_from_children(tmp_path: pathlib.Path) -> None:
    """In a process of its own, for it closes all the rest."""
    kept, other = os.pipe()
    if (child := os.fork()) == 0:
        os.set_inheritable(kept, True)
        keep_only({0, 1, 2, kept, None})
        wrong = os.get_inheritable(kept)
        try:
            os.fstat(other)
        except OSError:
            os._exit(wrong)
        os._exit(2)
    os.close(kept)
    os.close(other)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
