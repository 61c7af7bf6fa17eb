"""The override that lies beside a manifest."""

from __future__ import annotations

import os


def override_of(path: str) -> str | None:
    """Return the override that lies beside a manifest (`services.override.yaml` for `services.yaml`), or None."""
    stem = os.path.splitext(path)[0]
    for ending in (".yaml", ".yml", ".toml"):
        if os.path.isfile(override := f"{stem}.override{ending}"):
            return override
    return None
