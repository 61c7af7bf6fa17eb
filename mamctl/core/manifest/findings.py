"""What is wrong in a manifest, by key path; where it is written is found out afterwards, by those who read the file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
Tree = dict[str, object]


class Finding(NamedTuple):
    """One thing wrong at a key path. `file` is None when the value may come from any layer beneath that path."""

    path: Path
    message: str
    hint: str | None = None
    file: str | None = None


class Invalid(Exception):
    """A value that cannot be used; whoever knows its key path turns it into a finding."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Findings:
    """All that was found so far, in the order in which it was found."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._file: str | None = None

    def add(self, path: Path, message: str, hint: str | None = None, *, file: str | None = None) -> None:
        """Note one finding."""
        self.all.append(Finding(path, message, hint, file or self._file))

    @contextmanager
    def of(self, file: str) -> Iterator[None]:
        """Note findings as those of one file, while the context lasts."""
        self._file = file
        yield
        self._file = None

    def refuse(self, path: Path, invalid: Invalid) -> None:
        """Note that the value at `path` cannot be used."""
        self.add(path, invalid.message, invalid.hint)


def spell(path: Path) -> str:
    """Return a key path as people write it: `services.backend.command[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def kind_of(value: object) -> str:
    """Return what a wrong value is, in words short enough for an error."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    shown = repr(value) if not isinstance(value, int) or value.bit_length() < 200 else "a huge number"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
