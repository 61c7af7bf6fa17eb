"""Which port is whose in this run: chosen as the manifest asks, and kept while the supervisor lives and after."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.runtime.journal import Journal, previous_ports
from mamctl.runtime.manifest import load
from mamctl.runtime.ports import choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.manifest import PortRequest


class PortBook:
    """Chooses ports as the manifest asks, and keeps to the choice while the supervisor lives and after."""

    def __init__(self, manifest: str, journal: str) -> None:
        self._manifest = manifest
        self._chosen = previous_ports(journal)
        self._fixed: dict[tuple[str, str], int] = {}
        self.journal: Journal | None = None

    @property
    def chosen(self) -> dict[tuple[str, str], int]:
        """The ports of this run by (service, name)."""
        return self._fixed

    def load(self) -> Manifest:
        """Read the manifest with its ports chosen. Raises ManifestError."""
        return load(self._manifest, environ=os.environ, assign=self._assign)

    def _assign(self, requests: Sequence[PortRequest]) -> Mapping[tuple[str, str], int]:
        kept = {key: number for key, number in self._fixed.items() if any((r.service, r.name) == key for r in requests)}
        new = [request for request in requests if self._is_open(request)]
        found = choose(new, previous=self._chosen)
        self._fixed = {**kept, **found}
        if self.journal is not None and found:
            self.journal.ports(self._fixed)
        return self._fixed

    def _is_open(self, request: PortRequest) -> bool:
        """Tell whether a port is still to be chosen: a running service keeps the one it has."""
        kept = self._fixed.get((request.service, request.name))
        flexible = request.wanted is None or request.fallback
        return kept is None or (not flexible and kept != request.wanted)
