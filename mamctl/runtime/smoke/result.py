"""What became of one step."""

from __future__ import annotations

from enum import StrEnum

from mamctl.core.dataclass import dataclass


class Verdict(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One step's end. `seconds`: all its tries and the pauses between them. `detail`: why it is not good.

    `detail` is a sentence; `expected` and `got` are short texts, where one thing was expected and another came.
    """

    name: str
    kind: str
    verdict: Verdict
    seconds: float = 0.0
    tries: int = 0
    detail: str | None = None
    expected: str | None = None
    got: str | None = None
    service: str | None = None
