"""Which manifest a command is about: `-f FILE`, else MAMCTL_FILE, else the nearest one from the current folder up.

Only names of files are looked at, so that `mamctl status` needs no parser. A manifest that was deleted while its stack
runs is still that stack's name: whoever wants it down must be able to say so.
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
        return _existing(named, "-f" if explicit else "MAMCTL_FILE", environ)
    try:
        start = os.getcwd()
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more", "cd to one that does") from None
    found = nearest(start) or _deleted(start, environ)
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


def _existing(named: str, source: str, environ: Mapping[str, str]) -> str:
    path = os.path.abspath(named)
    if os.path.isdir(path):
        found = next((file for file in _candidates(path) if os.path.isfile(file)), None) or _deleted(path, environ)
        if found is not None:
            return found
        raise UsageError(f"no services.yaml in the folder {named}", f"{source} takes a manifest, or a folder with one")
    if not os.path.isfile(path) and not _has_home(path, environ):
        raise UsageError(f"the manifest {named} does not exist", f"{source} names it; `mamctl init` writes a new one")
    return path


def _candidates(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in NAMES]


def _deleted(folder: str, environ: Mapping[str, str]) -> str | None:
    """Return the manifest that was in this folder when its stack was brought up, and is gone."""
    return next((path for path in _candidates(folder) if _has_home(path, environ)), None)


def _has_home(path: str, environ: Mapping[str, str]) -> bool:
    """Tell whether the home of this manifest was last used by it."""
    try:
        with open(os.path.join(place(path, environ).home, "lock"), "rb") as file:
            return file.read(4096) == os.fsencode(path)
    except OSError:
        return False
