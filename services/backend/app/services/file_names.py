"""From the name that a client gives a file to a name that is safe on every disk."""

import re
import unicodedata
from pathlib import PurePosixPath

from .media_types import clean_title

MAX_STEM_BYTES = 160
"""Leaves room for a mark and an extension within the 200 bytes that every file system takes."""

_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def safe_stem(name: str) -> str:
    """Return the name without folders and extension, as it may lie on a disk; ``file`` when nothing is left.

    Composed, without control characters and marks that turn text around, without separators and the
    characters that Windows refuses, not hidden, not a device of Windows, bounded in bytes.
    """
    last = re.split(r"[/\\]", name)[-1]
    stem = clean_title(PurePosixPath(unicodedata.normalize("NFC", last)).stem)
    plain = _FORBIDDEN.sub("_", stem).strip(". ")
    cut = plain.encode("utf-8", "ignore")[:MAX_STEM_BYTES].decode("utf-8", "ignore").strip(". ")
    if not cut:
        return "file"
    return f"_{cut}" if _RESERVED.fullmatch(cut) else cut
