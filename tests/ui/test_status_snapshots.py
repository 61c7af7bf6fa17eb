"""The pages of a whole stack at every width people have, as files beside this test.

`python tests/ui/test_status_snapshots.py` writes them anew; look at the difference before it is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mamctl.ui.live import bare
from mamctl.ui.measure import columns
from mamctl.ui.paint import Paint
from mamctl.ui.status import page

sys.path.insert(0, str(Path(__file__).parent))
from rows import HELD, row

FOLDER = Path(__file__).parent / "snapshots"
WIDTHS = (80, 100, 120, 160, 200)
GONE = {"pid": None, "uptime_s": None, "cpu_percent": None, "memory_bytes": None}
EXTERNAL = {"kind": "external", "ownership": "external", **GONE}


def at(layer: int, name: str, state: str = "ready", **changes: Any) -> dict[str, Any]:
    """A row of a layer, with its URL when it has ports."""
    ports: dict[str, int] = changes.get("ports") or {}
    url = f"http://127.0.0.1:{next(iter(ports.values()))}" if ports else None
    return row(name, state, **{"layer": layer, "url": url, **changes})


def workers() -> list[dict[str, Any]]:
    """Three replicas; another service stands between them, as after a `scale`."""
    one, two, three = (
        at(1, f"worker-{number}", service="worker", ports={"http": 8000 + number}) for number in (1, 2, 3)
    )
    return [one, two, at(1, "backend", ports={"http": 5001, "admin": 5002}, depends_on=["db"], restarts=2), three]


def stack() -> dict[str, Any]:
    """Three layers with all kinds of trouble, replicas, named ports, and names as wide as they are long."""
    return {
        "name": "shop",
        "supervisor": {"pid": 41, "uptime_s": 7265.0},
        "services": [
            at(2, "frontend", "starting", uptime_s=12.0, detail="HTTP 503", ports={"http": 3000}),
            at(0, "migrate", "completed", kind="task", **GONE),
            at(0, "db", ports={"tcp": 5432}),
            *workers(),
            at(0, "lmstudio", "waiting", reason="absent", detail="connection refused", ports={"http": 1234},
               **EXTERNAL),
            at(2, "agent", "waiting", waits_for=["lmstudio", "crawler"]),
            at(0, "検索エンジン", ports={"http": 7700}),
            at(1, "crawler", "backoff", reason="exited", detail="ended with code 3", attempt=3, max_attempts=5,
               next_attempt_in_s=4.2, restarts=3),
            at(1, "django", "failed", reason="port_taken", detail=HELD, ports={"http": 8000}),
            at(2, "admin", "failed", reason="dependency_failed", detail="needs django, but django failed (port_taken)"),
            at(2, "mailer", "stopped", reason="by_operator"),
            at(0, "a-service-with-a-rather-long-name", "unhealthy", detail="HTTP 500 🔥 from /health",
               ports={"http": 9000}),
        ],
    }  # fmt: skip


def drawn(width: int, *, paint: Paint) -> str:
    return "\n".join(page(stack(), width, paint)) + "\n"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_looks_as_it_was_judged_good(width: int) -> None:
    assert drawn(width, paint=Paint(enabled=False)) == (FOLDER / f"status-{width}.txt").read_text()


def test_a_terminal_without_colour_and_unicode_has_its_page_too() -> None:
    assert drawn(80, paint=Paint(enabled=False, unicode=False)) == (FOLDER / "status-80-plain.txt").read_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_wraps_and_colour_changes_no_word(width: int) -> None:
    plain, coloured = (drawn(width, paint=Paint(enabled=enabled)) for enabled in (False, True))
    assert bare(coloured) == plain
    assert max(columns(line) for line in plain.splitlines()) <= width


def test_columns_stand_one_beneath_the_other_also_beside_wide_characters() -> None:
    table = drawn(120, paint=Paint(enabled=False)).splitlines()[2:]
    states = [line for line in table if any(symbol in line for symbol in "●✓◐◌○↻✗")][:14]
    starts = {columns(line[: min(line.index(symbol) for symbol in "●✓◐◌○↻✗" if symbol in line)]) for line in states}
    assert len(starts) == 1


def write() -> None:
    """Write every page anew."""
    FOLDER.mkdir(exist_ok=True)
    for width in WIDTHS:
        (FOLDER / f"status-{width}.txt").write_text(drawn(width, paint=Paint(enabled=False)))
    (FOLDER / "status-80-plain.txt").write_text(drawn(80, paint=Paint(enabled=False, unicode=False)))


if __name__ == "__main__":
    write()
