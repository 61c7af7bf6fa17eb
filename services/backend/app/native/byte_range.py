"""The ``Range`` header of RFC 9110 (section 14)."""

import re

MAX_RANGES = 32
"""More at once are not what a player or a reader of documents asks for; the whole file is sent then."""

_UNIT = re.compile(r"bytes\s*=(.*)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")

Span = tuple[int, int]
"""Start and end of bytes, end excluded."""


class NotSatisfiable(Exception):
    """Every range lies wholly behind the end of the file."""


def byte_ranges(header: str | None, size: int) -> list[Span] | None:
    """Return the parts that are asked for, in that order; None when the whole file is to be sent.

    A header that is malformed, in another unit, or asks for more than MAX_RANGES is ignored, as the RFC
    allows. Parts behind the end are left out; raises NotSatisfiable when nothing else is left. Parts that
    overlap or touch become one, so an answer is never longer than the file by more than its headings.
    """
    match = _UNIT.fullmatch(header.strip()) if header else None
    if match is None:
        return None
    # An empty member of the list counts for nothing (section 5.6.1).
    texts = [text.strip() for text in match[1].split(",") if text.strip()]
    pairs = [_RANGE.fullmatch(text) for text in texts[: MAX_RANGES + 1]]
    if not pairs or len(pairs) > MAX_RANGES or any(pair is None or _is_senseless(pair) for pair in pairs):
        return None
    spans = [span for pair in pairs if pair and (span := _span(pair, size))]
    if not spans:
        raise NotSatisfiable
    return _joined(spans)


def _is_senseless(pair: re.Match[str]) -> bool:
    first, last = pair[1], pair[2]
    return not (first or last) or bool(first and last and int(last) < int(first))


def _span(pair: re.Match[str], size: int) -> Span | None:
    if not pair[1]:
        length = int(pair[2])
        return (max(size - length, 0), size) if length and size else None
    start = int(pair[1])
    last = int(pair[2]) if pair[2] else size - 1
    return (start, min(last + 1, size)) if start < size else None


def _joined(spans: list[Span]) -> list[Span]:
    """Join what overlaps or touches; where nothing does, the order of the request stays."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return spans if len(merged) == len(spans) else merged
