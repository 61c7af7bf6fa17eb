"""The table: each fault, how often it was done, what was counted. A figure that is not 0 fails its test."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

ROWS = "MAMCTL_FAULTS_ROWS"
"""The environment variable that names the file which rows are added to."""


class Row(NamedTuple):
    """One line of the table; `counted` by name."""

    fault: str
    user: str
    rounds: str
    counted: dict[str, int]


def tell(fault: str, rounds: str, **counted: int) -> None:
    """Note a row; then insist that every figure is 0."""
    row = Row(fault, "root" if os.geteuid() == 0 else "ordinary", rounds, counted)
    if path := os.environ.get(ROWS):
        with open(path, "a") as file:
            file.write(json.dumps(row) + "\n")
    assert not any(counted.values()), f"{fault}, {rounds}: {counted}"


def table(path: str) -> str:
    """Return the rows of a file as Markdown, those of one fault side by side."""
    with open(path) as file:
        rows = [Row(*json.loads(line)) for line in file]
    lines = ["| Fault | User | Rounds | Counted |", "| --- | --- | --- | --- |"]
    for row in sorted(rows, key=lambda row: row.fault):
        counted = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in row.counted.items())
        lines.append(f"| {row.fault} | {row.user} | {row.rounds} | {counted} |")
    return "\n".join(lines)
