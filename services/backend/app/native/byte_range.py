"""The ``Range`` header of RFC 9110 (section 14), for one range."""

import re

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class NotSatisfiable(Exception):
    """The range lies wholly behind the end of the file."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return ``(start, end)``, end excluded; None when the whole file is to be sent.

    A header that is malformed, in another unit or with several ranges is ignored, as the RFC
    allows. Raises NotSatisfiable.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return _suffix(int(match[2]), size)
    start = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return start, min(last + 1, size)


def _suffix(length: int, size: int) -> tuple[int, int]:
    if length == 0 or size == 0:
        raise NotSatisfiable
    return max(size - length, 0), size
