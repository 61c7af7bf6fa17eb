"""A folder for supervisors, for every test that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.supervised import Folder, supervised

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> Iterator[Folder]:
    with supervised(tmp_path) as found:
        yield found
