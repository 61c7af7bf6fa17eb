"""What a probe needs to know of the incarnation that it asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.manifest.model import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.runtime.probes.log import Output, Scan


class Context:
    """One incarnation's surroundings; make a new one at each spawn.

    `env` and `cwd` are what exec probes run in, and `prefix` the words that make them its user's; `outputs` is what log
    probes read (a `SinkOutput` for each stream). The log probes keep here how far they have read.
    """

    __slots__ = ("_scans", "cwd", "env", "outputs", "prefix")

    def __init__(
        self,
        *,
        env: Mapping[str, str] = EMPTY,
        cwd: str = ".",
        prefix: tuple[str, ...] = (),
        outputs: Sequence[Output] = (),
    ) -> None:
        self.env = env
        self.prefix = prefix
        self.cwd = cwd
        self.outputs = outputs
        self._scans: dict[str, Scan] = {}

    def scan(self, pattern: str) -> Scan:
        """Return this incarnation's scan for a pattern, begun at the first question."""
        if pattern not in self._scans:
            from mamctl.runtime.probes.log import Scan

            self._scans[pattern] = Scan(pattern, self.outputs)
        return self._scans[pattern]
