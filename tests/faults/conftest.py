"""A stack for every test that asks for one, and how often a fault is done: a few times, or long (`make torture`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.stack import Stack, stacked

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def stack(tmp_path: pathlib.Path) -> Iterator[Stack]:
    with stacked(tmp_path / "stack") as found:
        yield found
