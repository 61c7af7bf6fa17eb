"""A step does not outlive the run that waits for it, not even one that is killed by `kill -9`.

Who is killed so can do nothing any more. Therefore a shell has the other end of a pipe: it is told the step's process
group, and when the pipe ends, it kills that group. PR_SET_PDEATHSIG would need code between fork and exec, macOS does
not know it, and it does nothing to what the step has started.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from typing import Final, Self

_SHELL: Final = "/bin/sh"
# Both words are built in. Who is let go of is told nothing any more: it is killed before the pipe ends.
_SCRIPT: Final = 'read -r group && { read -r end; kill -9 "-$group"; }'


class Tether:
    """While entered, a process group dies with this process."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        null = subprocess.DEVNULL
        # A session of its own: what ends the run from the terminal, or with its group, must not end this one first.
        with suppress(OSError):
            self._shell = subprocess.Popen(
                [_SHELL, "-c", _SCRIPT],
                stdin=subprocess.PIPE, stdout=null, stderr=null, env={}, cwd="/", bufsize=0, start_new_session=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_problem: object) -> None:
        if self._shell is None:
            return
        self._shell.kill()
        with self._shell:
            pass

    def hold(self, group: int) -> None:
        """Tie a process group to this process. Without a shell nothing is tied, and the step runs all the same."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(OSError):
                self._shell.stdin.write(f"{group}\n".encode())
