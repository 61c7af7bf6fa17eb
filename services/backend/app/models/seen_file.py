"""A file as a scan sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file of a known type in the media folder, as it was seen just now."""

    path: str
    """Relative to the media folder, with forward slashes."""
    size: int
    mtime_ns: int
    device: int
    inode: int
