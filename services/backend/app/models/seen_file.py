"""A file as a scan sees it."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file of a known type in the media folder, as it was seen just now."""

    path: str
    """Relative to the media folder, with forward slashes."""
    size: int
    mtime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Self:
        """Return what the system says of the file at ``path``."""
        return cls(
            path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, device=status.st_dev, inode=status.st_ino
        )
