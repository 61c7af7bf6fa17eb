from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mamctl.core.errors import ManifestError, Problem
from mamctl.runtime.manifest import inspect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Stack:
    """A folder with manifest files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = str(folder / "services.yaml")

    def write(self, text: str | bytes, name: str = "services.yaml") -> str:
        """Write one file; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def problems(self, text: str | bytes | None = None, name: str = "services.yaml") -> tuple[Problem, ...]:
        """Return the problems of a manifest, which must have some."""
        if text is not None:
            self.write(text, name)
        with pytest.raises(ManifestError) as caught:
            inspect(str(self.folder / name), environ={})
        return caught.value.problems

    def sentences(self, text: str | bytes | None = None, name: str = "services.yaml") -> list[str]:
        """Return the problems of a manifest as people read them."""
        return [str(problem) for problem in self.problems(text, name)]


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


@pytest.fixture
def service(stack: Stack) -> Callable[..., object]:
    """Return a function that loads a manifest of one service `a` and returns it."""

    def load_one(text: str, name: str = "services.yaml", **environ: str) -> object:
        return inspect(stack.write(text, name), environ=environ).services["a"]

    return load_one
