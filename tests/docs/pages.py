"""The documentation as data: pages with their sections, fenced blocks, tables and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Fence:
    """A fenced block: ```language name."""

    language: str
    name: str
    text: str


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def pages() -> list[Path]:
    """All pages that people read; the benchmarks' is a record of one day, kept as it was measured."""
    found = sorted(path for path in DOCS.rglob("*.md") if path.name != "benchmarks.md")
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *found]


def fences(text: str) -> list[Fence]:
    found = re.finditer(r"^```(\w*) ?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Fence(match[1], match[2], match[3]) for match in found]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Headings of a level with the text beneath each; fenced blocks are not looked into."""
    hidden = re.sub(r"^```.*?^```$", lambda match: match[0].replace("#", "\0"), text, flags=re.MULTILINE | re.DOTALL)
    parts = re.split(rf"^{'#' * level} (.+)$", hidden, flags=re.MULTILINE)[1:]
    return {title: body.replace("\0", "#") for title, body in zip(parts[::2], parts[1::2], strict=True)}


def tables(text: str) -> list[list[dict[str, str]]]:
    """Every table as rows by heading."""
    found = re.findall(r"(?:^\|.*\|\n)+", prose(text) + "\n", re.MULTILINE)
    return [_rows(table.splitlines()) for table in found]


def _rows(lines: list[str]) -> list[dict[str, str]]:
    heads = _cells(lines[0])
    return [dict(zip(heads, _cells(line), strict=True)) for line in lines[2:]]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))
