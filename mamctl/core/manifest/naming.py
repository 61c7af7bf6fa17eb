"""The project's name."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from .fields import MANIFEST_FIELDS
from .findings import Invalid

if TYPE_CHECKING:
    from .findings import Findings


def project_name(written: object, folder: str, found: Findings) -> str:
    """Return the name as it is written, else the folder's name with what no name may hold replaced by `-`."""
    if written is None:
        return _safe(posixpath.basename(folder))
    try:
        return str(MANIFEST_FIELDS["name"].shape.read(written, ("name",), found))
    except Invalid as invalid:
        found.refuse(("name",), invalid)
        return ""


def _safe(name: str) -> str:
    letters = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "-" for letter in name)
    return letters.lstrip("_.-")[:63] or "stack"
