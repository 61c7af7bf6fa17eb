"""The findings of `mamctl doctor` as lines: grouped, the bad ones with what to do, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mamctl.ui import words
from mamctl.ui.amounts import count
from mamctl.ui.measure import wrap
from mamctl.ui.status import hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.ui.paint import Paint

    Data = Mapping[str, Any]

# The sign, what it is where there is only ASCII, and the style.
_SIGNS: Final = {
    "ok": ("✓", "+", "good"),
    "note": ("•", "*", "note"),
    "warning": ("!", "!", "warn"),
    "error": ("✗", "x", "bad"),
}


def lines(findings: Sequence[Data], width: int, paint: Paint) -> list[str]:
    """Return all findings by area, and the sum."""
    areas = dict.fromkeys(str(finding["area"]) for finding in findings)
    told: list[str] = []
    for area in areas:
        told.append(paint("bold", area))
        for finding in findings:
            if finding["area"] == area:
                told += _finding(finding, width, paint)
        told.append("")
    return [*told, _total(findings, paint)]


def _finding(finding: Data, width: int, paint: Paint) -> Iterator[str]:
    wide, plain, style = _SIGNS[str(finding["level"])]
    sign = wide if paint.unicode else plain
    # Colour never says it alone.
    word = "" if finding["level"] in ("ok", "note") else f"{finding['level']}: "
    first, *rest = wrap(f"{sign} {word}{words.plain(str(finding['message']))}", width, "  ", "    ")
    yield first.replace(sign, paint(style, sign), 1)
    yield from rest
    if finding.get("fix"):
        yield from hint(str(finding["fix"]), width, paint, indent="    ")


def _total(findings: Sequence[Data], paint: Paint) -> str:
    levels = [str(finding["level"]) for finding in findings]
    bad = [count(levels.count(level), level) for level in ("error", "warning", "note") if level in levels]
    good = count(levels.count("ok"), "thing is well", "things are well")
    style = "bad" if "error" in levels else "warn" if "warning" in levels else "good"
    return paint(style, ", ".join([*bad, good]))
