"""What can go wrong, as one small tree. Each error says what, which and why; `hint` says what next.

MamctlError            exit 1
|-- NotRunningError    exit 1   what was asked of a service takes a running process
|-- NotScalableError   exit 1   a service cannot have that many replicas
|-- NoTerminalError    exit 1   what was asked of a service takes a terminal of its own
|-- UsageError         exit 2   a wrong word on the command line, an unknown service
|   `-- ManifestError  exit 2   every problem of a manifest at once
|-- NoSupervisor       exit 4   nothing runs here, or it cannot be reached
`-- TimedOut           exit 5   a deadline passed
"""

from __future__ import annotations

from typing import NamedTuple


class MamctlError(Exception):
    """Base of all errors that people read; `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MamctlError):
    """What was asked for does not exist or does not fit together."""

    exit_code = 2


class NotRunningError(MamctlError):
    """What was asked of a service takes a running process of ours, and there is none."""


class NoTerminalError(MamctlError):
    """What was asked of a service takes a terminal of its own, and it has none."""


class NotScalableError(MamctlError):
    """A service cannot have that many replicas, or none of its own."""


class Problem(NamedTuple):
    """One thing wrong in a manifest: where (`file:line:column`, 1-based), the key path, what, and what next."""

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        """Return the sentence with its place."""
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ManifestError(UsageError):
    """A manifest that cannot be used; `problems` holds all of them, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        many = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        super().__init__(f"the manifest has {many}")
        self.problems = problems


class NoSupervisor(MamctlError):
    """No supervisor runs for this manifest, or it cannot be reached."""

    exit_code = 4


class TimedOut(MamctlError):
    """What was waited for did not come in time."""

    exit_code = 5
