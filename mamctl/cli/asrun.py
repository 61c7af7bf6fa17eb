"""The manifest as it is run: with the ports and replicas of the running supervisor, else the ports of the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.cli.families import scaled_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest


def manifest_as_run(invocation: Invocation) -> Manifest:
    """Return the manifest with the ports and replicas of the running supervisor, if one runs. Raises ManifestError."""
    from mamctl.runtime.journal import previous_ports
    from mamctl.runtime.manifest import load, preferred

    status: Mapping[str, Any] = invocation.status() or {"services": []}
    known = {(row["name"], port): number for row in status["services"] for port, number in row["ports"].items()}

    def assign(requests: Sequence[Any]) -> Mapping[tuple[str, str], int]:
        asked = {**preferred(requests), **known}
        # What the last run chose is what the next one chooses, if it is still free.
        last = {} if all(asked.values()) else previous_ports(invocation.place.journal)
        return {port: number or last.get(port, 0) for port, number in asked.items()}

    return load(invocation.place.manifest, environ=invocation.environ, assign=assign, replicas=scaled_in(status))
