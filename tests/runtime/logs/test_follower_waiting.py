from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs.follower import Follower
from mamctl.runtime.logs.inotify import Inotify
from tests.runtime.logs.stage import texts

if TYPE_CHECKING:
    from tests.runtime.logs.stage import Stage


def test_a_change_wakes_who_selects(stage: Stage, follower: Follower) -> None:
    descriptor = follower.fileno()
    assert descriptor is not None
    assert select.select([descriptor], [], [], 0)[0] == []
    stage.say(b"one\n")
    assert select.select([descriptor], [], [], 5)[0] == [descriptor]
    assert texts(follower.poll()) == [b"one"]
    assert select.select([descriptor], [], [], 0)[0] == []


@pytest.mark.parametrize("with_inotify", [True, False])
def test_waiting_ends_soon_after_a_line(stage: Stage, monkeypatch: pytest.MonkeyPatch, *, with_inotify: bool) -> None:
    if not with_inotify:

        def refuse(_: object, paths: object) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(Inotify, "__init__", refuse)
    with Follower([stage.files]) as follower:
        assert (follower.fileno() is not None) == with_inotify
        follower.wait(0)
        assert follower.poll() == []
        follower.wait(0.01)
        stage.say(b"one\n")
        began = time.monotonic()
        follower.wait(10)
        assert time.monotonic() - began < 0.25
        assert texts(follower.poll()) == [b"one"]


def test_there_is_nothing_to_wait_for_while_more_is_pending(stage: Stage, follower: Follower) -> None:
    process = stage.spawn("import os\nfor n in range(30): os.write(1, b'x' * 99_999 + b'\\n')")
    stage.landed(3_000_000)
    assert stage.ended(process) == 0
    follower.poll()
    assert follower.pending
    began = time.monotonic()
    follower.wait(10)
    assert time.monotonic() - began < 0.25
