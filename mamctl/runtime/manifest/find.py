"""Where the manifest is."""

from __future__ import annotations

import os
from typing import Final

NAMES: Final = ("services.yaml", "services.yml", "services.toml")


def find(start: str) -> str | None:
    """Return the absolute path of the nearest manifest, from the folder `start` upward, or None."""
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


def override_of(path: str) -> str | None:
    """Return the override that lies beside a manifest (`services.override.yaml` for `services.yaml`), or None."""
    stem = os.path.splitext(path)[0]
    for ending in (".yaml", ".yml", ".toml"):
        if os.path.isfile(override := f"{stem}.override{ending}"):
            return override
    return None
