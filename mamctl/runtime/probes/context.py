"""What a probe needs to know of the incarnation that it asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.model import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.runtime.probes.log import Output, Scan


class Context:
    """One incarnation's surroundings; make a new one at each spawn.

    `env` and `cwd` are what exec probes run in; `output` is what log probes read (None: it has none). The log probes
    keep here how far they have read.
    """

    __slots__ = ("_scans", "cwd", "env", "output")

    def __init__(self, *, env: Mapping[str, str] = EMPTY, cwd: str = ".", output: Output | None = None) -> None:
        self.env = env
        self.cwd = cwd
        self.output = output
        self._scans: dict[str, Scan] = {}

    def scan(self, pattern: str) -> Scan | None:
        """Return this incarnation's scan for a pattern, begun at the first question; None without output."""
        if self.output is None:
            return None
        if pattern not in self._scans:
            from mamctl.runtime.probes.log import Scan

            self._scans[pattern] = Scan(pattern, self.output)
        return self._scans[pattern]
