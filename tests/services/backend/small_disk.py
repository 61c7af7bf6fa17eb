"""A small disk of its own, really mounted, that can be filled to the last byte and emptied again."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMY = 96
"""MiB: more than uploads leave free, so that they are not refused before anything is full."""


class SmallDisk:
    """The disk; ``folder`` is where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / ".ballast"

    def fill(self, *, but: int = 0) -> None:
        """Leave no room, or so many bytes."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        try:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(descriptor, bytes(size))
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - but)
        finally:
            os.close(descriptor)

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def files(self) -> set[str]:
        """Return what lies on it, without the logs and what the database needs."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {str(path) for path in found if path.suffix not in {".log", ".lock"} and "mam.db" not in path.name}


@contextlib.contextmanager
def small_disk(folder: Path, *, mebibytes: int = ROOMY) -> Iterator[SmallDisk]:
    """Mount one on a folder; a test that may not is skipped, and says why."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=777", "small", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"a small disk can be mounted only by root with the right to mount: {made.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
