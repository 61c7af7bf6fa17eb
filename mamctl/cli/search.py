"""Which manifest a command is about: `-f FILE`, else MAMCTL_FILE, else the nearest one from the current folder up.

Only names of files are looked at, so that `mamctl status` needs no parser.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.control.place import NAMES, Place, nearest, place
from mamctl.core.errors import UsageError
from mamctl.runtime.ownership import require_same

if TYPE_CHECKING:
    from collections.abc import Mapping


def manifest_path(explicit: str | None, environ: Mapping[str, str]) -> str:
    """Return the absolute path of the manifest. Raises UsageError when there is none."""
    named = explicit or environ.get("MAMCTL_FILE")
    if named:
        return _existing(named, "-f" if explicit else "MAMCTL_FILE")
    try:
        start = os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more", "cd to one that does") from None
    found = nearest(start)
    if found is None:
        raise UsageError(
            f"no services.yaml in {start} or a folder above it", "`mamctl init` writes one; `-f FILE` names another"
        )
    return found


def stack_place(explicit: str | None, environ: Mapping[str, str]) -> Place:
    """Return where the manifest's stack keeps its files.

    Raises UsageError when there is no manifest, or when the home is that of another one: its stack is not ours to see.
    """
    found = place(manifest_path(explicit, environ), environ)
    require_same(found.home, found.manifest)
    return found


def _existing(named: str, source: str) -> str:
    path = os.path.abspath(named)
    if os.path.isdir(path):
        for name in NAMES:
            if os.path.isfile(os.path.join(path, name)):
                return os.path.join(path, name)
        raise UsageError(f"no services.yaml in the folder {named}", f"{source} takes a manifest, or a folder with one")
    if not os.path.isfile(path):
        raise UsageError(f"the manifest {named} does not exist", f"{source} names it; `mamctl init` writes a new one")
    return path
