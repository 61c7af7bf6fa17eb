"""What an outcome means for the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamctl.core.errors import MamctlError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping


def exit_code(report: Mapping[str, Any]) -> int:
    """Return 0 for a good outcome, 1 when something failed or survived its stop, 5 when it has not settled in time."""
    if report.get("failed") or report.get("survivors"):
        return MamctlError.exit_code
    if not report["settled"]:
        return TimedOut.exit_code
    return 0 if report["ok"] else MamctlError.exit_code
