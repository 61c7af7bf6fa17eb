"""Thumbnails on disk, named by their content.

The same picture has the same name for ever, so a browser may keep it for ever. Files lie in
two levels of folders: one folder of 50,000 files makes every look into it slow.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_KEY = re.compile(r"[0-9a-f]{32}")


class ThumbnailStore:
    """The folder of thumbnails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Store a JPEG and return its key. A reader sees the whole file or none."""
        key = hashlib.sha256(content).hexdigest()[:32]
        path = self._path(key)
        if path.exists():
            os.utime(path)  # young again, so that a cleanup that runs now leaves it alone
            return key
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        return key

    def open(self, key: str) -> int:
        """Open a thumbnail and return its descriptor; FileNotFoundError when there is none."""
        if not _KEY.fullmatch(key):
            raise FileNotFoundError("not the name of a thumbnail")
        return os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def has(self, key: str) -> bool:
        """Whether the thumbnail is there."""
        return self._path(key).exists()

    def remove_unused(self, used: set[str], *, older_than_s: float) -> int:
        """Remove what no asset uses and unfinished files, once they are old; return how many."""
        before = time.time() - older_than_s
        unused = [path for path in self._files() if path.stem not in used and _age_mark(path) < before]
        for path in unused:
            path.unlink(missing_ok=True)
        return len(unused)

    def _files(self) -> Iterator[Path]:
        return self.folder.glob("??/??/*")

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:4] / f"{key}.jpg"


def _age_mark(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
