"""Why the service will not start: a sentence, what to do next, and the exit code that says which kind."""

from __future__ import annotations

EX_FAILED = 1
EX_CONFIG = 78  # sysexits.h: something is missing or set wrongly, a restart will not help


class Refusal(Exception):
    """The start was refused: `message` says what and why, `hint` the next step, `code` is the exit code."""

    def __init__(self, message: str, hint: str, code: int = EX_CONFIG) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        """Two lines, as the supervisor's log should show them."""
        return f"error: {self.message}\nhint: {self.hint}"
