"""What can go wrong, by supervisord's numbers."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The fault codes of supervisord 4; tools decide by them."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


class Fault(Exception):
    """A call that is answered with a fault. `text` begins with the code's name, as supervisord's does."""

    def __init__(self, code: Code, extra: str | None = None) -> None:
        self.code = code
        self.text = code.name if extra is None else f"{code.name}: {extra}"
        super().__init__(self.text)
