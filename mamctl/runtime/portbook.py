"""Which port is whose in this run: chosen as the manifest asks, and kept while the supervisor lives and after."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.journal import Journal, previous_ports
from mamctl.runtime.manifest import load
from mamctl.runtime.ports import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.manifest import PortRequest


class PortBook:
    """Reads the manifest with its ports chosen.

    `running` names the services that hold their ports now; `journal`, once set, is told of every choice.
    """

    def __init__(self, manifest: str, journal: str) -> None:
        self._manifest = manifest
        self.chosen = previous_ports(journal)
        self.journal: Journal | None = None
        self.running: Callable[[], Collection[str]] = tuple

    def load(self, replicas: Mapping[str, int]) -> Manifest:
        """Read the manifest, with so many replicas of some. Raises ManifestError; MamctlError when no port is free."""
        return load(self._manifest, environ=os.environ, assign=self._assign, replicas=replicas)

    def _assign(self, requests: Sequence[PortRequest]) -> Mapping[tuple[str, str], int]:
        found = choose(requests, previous=self.chosen, running=self.running())
        if self.journal is not None and found != self.chosen:
            self.journal.ports(found)
        self.chosen = found
        return found
