"""Where a manifest's stack keeps its files: `.mamctl/` and `logs/` beside it."""

from __future__ import annotations

import os
from hashlib import blake2s
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("services.yaml", "services.yml", "services.toml")
# sun_path holds 108 bytes with its NUL on Linux and 104 on macOS.
LONGEST_SOCKET = 100


class Place(NamedTuple):
    """Absolute paths: the manifest, its folder, what the supervisor keeps.

    `door` is the guardian's own socket, `heir` that of a supervisor which lost its guardian and waits for another.
    """

    manifest: str
    folder: str
    home: str
    socket: str
    logs: str
    index: str  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    fifo: str
    events: str
    journal: str
    door: str
    heir: str


def place(manifest: str, environ: Mapping[str, str]) -> Place:
    """Return the places of a manifest. `MAMCTL_HOME` moves `.mamctl`, but never the logs."""
    manifest = os.path.abspath(manifest)
    folder = os.path.dirname(manifest)
    home = os.path.abspath(environ.get("MAMCTL_HOME") or os.path.join(folder, ".mamctl"))
    socket = _socket(home, environ)
    return Place(
        manifest,
        folder,
        home,
        socket,
        os.path.join(folder, "logs"),
        os.path.join(home, "index"),
        os.path.join(home, "fifo"),
        os.path.join(home, "events"),
        os.path.join(home, "journal"),
        socket.removesuffix(".sock") + ".door",
        socket.removesuffix(".sock") + ".heir",
    )


def nearest(start: str) -> str | None:
    """Return the manifest of a folder or of the nearest one above it, or None."""
    folder = os.path.abspath(start)
    while True:
        for name in NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _socket(home: str, environ: Mapping[str, str]) -> str:
    """Return the control socket: in the home, or in the user's runtime folder when that path would be too long."""
    direct = os.path.join(home, "control.sock")
    if len(os.fsencode(direct)) <= LONGEST_SOCKET:
        return direct
    runtime = environ.get("XDG_RUNTIME_DIR")
    folder = os.path.join(runtime, "mamctl") if runtime else f"/tmp/mamctl-{os.getuid()}"  # noqa: S108 - see Listener
    return os.path.join(folder, f"{blake2s(os.fsencode(home), digest_size=8).hexdigest()}.sock")
