"""What tells whether a later manifest asks for another process of a service: a digest of what one is made from."""

from __future__ import annotations

from hashlib import blake2s
from typing import TYPE_CHECKING

from mamctl.core.manifest.model import run_as

if TYPE_CHECKING:
    from mamctl.core.manifest.model import ServiceSpec


def run_digest(spec: ServiceSpec) -> str:
    """Return a digest of what a process of a service is made from; its secrets cannot be read from it."""
    return blake2s(repr(run_as(spec)).encode(), digest_size=12).hexdigest()


class Runs:
    """The digests of the services, each made once for each manifest."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[ServiceSpec, str]] = {}

    def of(self, spec: ServiceSpec) -> str:
        """Return the digest of a service."""
        known = self._known.get(spec.name)
        if known is None or known[0] is not spec:
            known = self._known[spec.name] = (spec, run_digest(spec))
        return known[1]
