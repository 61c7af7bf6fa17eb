"""How often: the short form of every test, and the long one that only `make torture` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def rounds(short: int, long: int) -> Callable[[Any], Any]:
    """Give a test its `rounds`: short as always, long when tortured."""
    return pytest.mark.parametrize("rounds", [short, pytest.param(long, marks=pytest.mark.torture)])
