"""The manifest as it is run: with the ports that the running supervisor has chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import Manifest


def manifest_as_run(invocation: Invocation) -> Manifest:
    """Return the manifest with the ports of the running supervisor, if one runs. Raises ManifestError."""
    from mamctl.runtime.manifest import load, preferred

    status = invocation.status()
    known = {
        (row["service"], port): number
        for row in (status or {"services": []})["services"]
        for port, number in row["ports"].items()
    }

    def assign(requests: Sequence[Any]) -> Mapping[tuple[str, str], int]:
        return {**preferred(requests), **known}

    return load(invocation.place.manifest, environ=invocation.environ, assign=assign)
