from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.logs.follower import Follower
from tests.runtime.logs.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Make stages; `staged(max_size=..., keep=...)`."""
    with contextlib.ExitStack() as open_ones:

        def make(folder: str = "", **options: object) -> Stage:
            stage = Stage(tmp_path / folder, **options)
            open_ones.callback(stage.close)
            return stage

        yield make


@pytest.fixture
def stage(staged: Callable[..., Stage]) -> Stage:
    return staged()


@pytest.fixture
def follower(stage: Stage) -> Iterator[Follower]:
    with Follower([stage.files]) as follower:
        yield follower
