"""One booted machine for all tests of this folder, and a stack of its own for each."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.systemd.machine import Machine, Stack
from tests.systemd.rootfs import Unavailable, rootfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBERS = count(1)


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot it; where that cannot be, skip with the reason."""
    try:
        booted = Machine(rootfs(), tmp_path_factory.mktemp("machine") / "console.log")
    except Unavailable as reason:
        pytest.skip(f"no machine with systemd: {reason}")
    yield booted
    booted.close()


@pytest.fixture
def stack(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Callable[..., Stack]]:
    """Return what makes stacks: afterwards their units are gone, and what they ran."""
    made: list[Stack] = []

    def make(**wish: Any) -> Stack:
        made.append(Stack(machine, f"s{next(NUMBERS)}", **wish))
        return made[-1]

    yield make
    for one in made:
        one.uninstall()
        one.mamctl("down", check=False)
        machine.kill("KILL", *one.left())
