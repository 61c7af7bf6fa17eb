"""A text that cannot be read at all."""

from __future__ import annotations


class Fault(Exception):
    """Text that cannot be read. Line and column are 1-based; `key` is the last key, if one is to blame."""

    def __init__(self, line: int, column: int, message: str, hint: str | None = None, *, key: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
        self.key = key
