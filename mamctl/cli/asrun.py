"""The manifest as it is run: with the ports and the replicas that the running supervisor has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.cli.families import scaled_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest


def manifest_as_run(invocation: Invocation) -> Manifest:
    """Return the manifest with the ports and replicas of the running supervisor, if one runs. Raises ManifestError."""
    from mamctl.runtime.manifest import load, preferred

    status: Mapping[str, Any] = invocation.status() or {"services": []}
    known = {(row["name"], port): number for row in status["services"] for port, number in row["ports"].items()}

    def assign(requests: Sequence[Any]) -> Mapping[tuple[str, str], int]:
        return {**preferred(requests), **known}

    return load(invocation.place.manifest, environ=invocation.environ, assign=assign, replicas=scaled_in(status))
