"""Telling a disk that is away from files that were deleted.

A disk that is not mounted leaves an empty folder where it was, and a scan that believes it would empty the library. So
a scan that misses too much changes nothing: the root is `offline`, with a reason, until a later scan finds the files
again, or somebody says that they are really gone (`POST /scan {"accept_missing": true}`). Even then nothing is deleted.
"""

import os
from pathlib import Path

from services.backend.app.models.root_store import Root

MISSING_SHARE = 0.10
MISSING_FILES = 100
FEW = 10
"""So many may be missing whatever the share: someone who deletes three of five files means it."""


def why_away(folder: Path) -> str | None:
    """Return why the root cannot be looked at; None when it can."""
    if not os.path.isdir(folder):  # not Path.is_dir, which raises what a disk that went says (ESTALE, ENOTCONN, EIO)
        return "the media folder is not there"
    if not os.access(folder, os.R_OK | os.X_OK):
        return "the media folder cannot be read"
    return None


def why_doubtful(missing: int, expected: int, root: Root, status: os.stat_result) -> str | None:
    """Return why a scan's result is not to be believed; None when it is. ``expected`` had files before the scan."""
    if missing == 0:
        return None
    if root.device is not None and root.device != status.st_dev and missing == expected:
        return "another disk lies where the media folder was, and none of the files is on it"
    if missing > MISSING_FILES or (missing > FEW and missing > MISSING_SHARE * expected):
        return f"{missing} of {expected} files are missing; is the disk there?"
    return None
