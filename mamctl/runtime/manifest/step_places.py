"""Where a step of `mamctl smoke` is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from mamctl.core.errors import UsageError

from .documents import Document, read_text
from .faults import Fault

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Manifest


class StepPlace(NamedTuple):
    """An absolute path, and the line of the step; of `smoke:` itself, when the step has no name of its own there."""

    file: str
    line: int


def place_of_step(manifest: Manifest, name: str) -> StepPlace | None:
    """Return where a step is written, None when the files have changed so that it is not known."""
    general: StepPlace | None = None
    for path in manifest.files:
        document = _document(path)
        steps = document.tree.get("smoke") if document else None
        if document is None or not isinstance(steps, list):
            continue
        for index, step in enumerate(steps):
            if isinstance(step, dict) and step.get("name") == name:
                return StepPlace(path, document.place(("smoke", index)).line)
        general = general or StepPlace(path, document.place(("smoke",)).line)
    return general


def _document(path: str) -> Document | None:
    """Return a manifest file; None for an env file, and for one that cannot be read any more."""
    if os.path.splitext(path)[1] not in (".yaml", ".yml", ".toml", ".json"):
        return None
    try:
        return Document(path, read_text(path))
    except (Fault, UsageError):
        return None
