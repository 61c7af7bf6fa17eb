"""A served control API for every test that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.serving import Served, serving

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def served(tmp_path: pathlib.Path) -> Iterator[Served]:
    with serving(tmp_path) as found:
        yield found
