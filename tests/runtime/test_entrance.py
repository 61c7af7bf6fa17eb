"""The guardian's socket belongs to the guardian of whoever owns the home, and to nobody who lost the race for it."""

from __future__ import annotations

import os
import socket
import tempfile
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.entrance import Entrance

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def path() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, "door")


def test_it_is_there_once_it_is_opened_and_for_its_user_alone(path: str) -> None:
    entrance = Entrance(path)
    assert not os.path.exists(path)
    listener = entrance.open()
    assert listener is not None
    assert entrance.open() is None
    assert os.stat(path).st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    entrance.shut()
    assert not os.path.exists(path)
    listener.close()


def test_one_that_leaves_does_not_take_its_successor_s_away(path: str) -> None:
    first, second = Entrance(path), Entrance(path)
    listeners = [first.open(), second.open()]
    first.shut()
    assert os.path.exists(path)
    second.shut()
    assert not os.path.exists(path)
    for listener in listeners:
        assert listener is not None
        listener.close()


def test_one_that_was_never_opened_takes_nothing_away(path: str) -> None:
    owner, loser = Entrance(path), Entrance(path)
    listener = owner.open()
    loser.shut()
    assert os.path.exists(path)
    owner.shut()
    assert listener is not None
    listener.close()


def test_a_place_where_none_can_be_is_no_reason_to_die(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    entrance = Entrance(os.path.join(path, "missing", "door"))
    assert entrance.open() is None
    assert "cannot be found by commands" in capfd.readouterr().err
    assert entrance.listener is not None
    entrance.listener.close()
