from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from mamctl.ui.measure import columns
from mamctl.ui.paint import Paint
from mamctl.ui.status import page
from mamctl.ui.table import Cell, Column, draw

sys.path.insert(0, str(Path(__file__).parent))
from rows import row, stack

PLAIN = Paint(enabled=False)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

AT_80 = """\
mam: 3 of 6 ready, 1 waiting, 1 backoff, 1 failed (supervisor 41, up 12s)

NAME      STATE        PORTS     WHY
migrate   ✓ completed
backend   ● ready      :5001
lmstudio  ● ready      :1234     started by hand
agent     ○ waiting              waits for lmstudio and backend
api       ↻ backoff              exit code 3; next try in 1.5 s (attempt 2)
django    ✗ failed     :8000 +1  port 8000 is held by pid 4312 (python…
worker    ○ stopped              by you

✗ django: port 8000 is held by pid 4312 (python wsgi.py, user alice, started 3 h
  ago)
  hint: stop the holder or change `port` of django, then `mamctl restart django`"""

AT_120 = """\
mam: 3 of 6 ready, 1 waiting, 1 backoff, 1 failed (supervisor 41, up 12s)

NAME      STATE         PID  PORTS                 UPTIME  RESTARTS  MEMORY  WHY
migrate   ✓ completed
backend   ● ready      4312  :5001                  1h02m         1   51 MB
lmstudio  ● ready            :1234                                           started by hand
agent     ○ waiting                                                          waits for lmstudio and backend
api       ↻ backoff                                               2          exit code 3; next try in 1.5 s (attempt 2)
django    ✗ failed           http:8000 admin:8001                            port 8000 is held by pid 4312 (python…
worker    ○ stopped                                                          by you

✗ django: port 8000 is held by pid 4312 (python wsgi.py, user alice, started 3 h ago)
  hint: stop the holder or change `port` of django, then `mamctl restart django`"""


@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (120, AT_120)])
def test_the_page_fits_its_width(width: int, expected: str) -> None:
    assert "\n".join(page(stack(), width, PLAIN)) == expected


def test_at_200_columns_nothing_is_cut() -> None:
    text = "\n".join(page(stack(), 200, PLAIN))
    assert "…" not in text
    assert "exit code 3; next try in 1.5 s (attempt 2)" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = page(stack(), width, PLAIN)
    assert max(columns(line) for line in lines) <= width


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_colour_adds_to_the_words_and_changes_none(width: int) -> None:
    coloured = "\n".join(page(stack(), width, Paint(enabled=True)))
    assert "\x1b[31m✗ failed\x1b[0m" in coloured
    assert ESCAPES.sub("", coloured) == "\n".join(page(stack(), width, PLAIN))


def test_a_terminal_without_unicode_gets_plain_symbols() -> None:
    text = "\n".join(page(stack(), 80, Paint(enabled=False, unicode=False)))
    assert text.isascii()
    assert "x failed" in text


def test_a_healthy_stack_shows_all_its_figures_in_80_columns() -> None:
    services = [row(name, ports={"http": 5001}) for name in ("backend", "frontend", "agent")]
    lines = page({"name": "mam", "supervisor": {"pid": 41, "uptime_s": 5}, "services": services}, 80, PLAIN)
    assert lines[2] == "NAME      STATE     PID  PORTS  UPTIME   CPU  MEMORY"
    assert lines[3] == "backend   ● ready  4312  :5001   1h02m  0.4%   51 MB"
    assert len(lines) == 6


def test_a_manifest_without_services_says_so() -> None:
    document = {"name": "mam", "supervisor": None, "services": []}
    assert page(document, 80, PLAIN) == ["mam: not running", "", "the manifest has no services"]


def test_a_column_that_is_empty_everywhere_is_left_out() -> None:
    heads = (Column("A"), Column("B"), Column("C"))
    assert draw(heads, [[Cell("x"), Cell(""), Cell("z")]], 40, PLAIN) == ["A  C", "x  z"]


def test_columns_are_cut_before_they_are_dropped_and_dropped_by_priority() -> None:
    heads = (Column("NAME", least=6), Column("LOW", drop=2), Column("HIGH", drop=1))
    cells = [[Cell("a-rather-long-name"), Cell("12345678"), Cell("87654321")]]
    assert draw(heads, cells, 40, PLAIN)[1] == "a-rather-long-name  12345678  87654321"
    assert draw(heads, cells, 30, PLAIN)[1] == "a-rather-…  12345678  87654321"
    assert draw(heads, cells, 20, PLAIN)[1] == "a-rather-…  87654321"
    assert draw(heads, cells, 12, PLAIN)[1] == "a-rather-lo…"


def test_an_absurdly_narrow_table_still_has_every_row() -> None:
    rows = [[Cell("a-rather-long-name"), Cell("✗ failed")] for _ in range(3)]
    lines = draw((Column("NAME", least=8), Column("STATE")), rows, 12, PLAIN)
    assert len(lines) == 4


def test_services_stand_in_the_order_of_the_start_and_a_rule_parts_the_layers() -> None:
    services = [row("web", layer=1), row("db", layer=0), row("app", layer=1), row("cache", layer=0)]
    lines = page({"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}, 80, PLAIN)
    assert [line.split()[0] for line in lines[3:]] == ["db", "cache", "─────", "web", "app"]
    flat = page({"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}, 80, PLAIN, flat=True)
    assert [line.split()[0] for line in flat[3:]] == ["web", "db", "app", "cache"]


def test_a_chain_of_services_has_no_rules_between_them() -> None:
    services = [row(f"s{layer}", layer=layer) for layer in range(6)]
    lines = page({"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}, 80, PLAIN)
    assert [line.split()[0] for line in lines[3:]] == ["s0", "s1", "s2", "s3", "s4", "s5"]


def test_replicas_stand_beside_each_other() -> None:
    services = [row("w-1", service="w", layer=0), row("db", layer=0), row("w-2", service="w", layer=0)]
    lines = page({"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}, 80, PLAIN)
    assert [line.split()[0] for line in lines[3:]] == ["w-1", "w-2", "db"]


def test_a_url_is_shown_where_there_is_room_and_the_port_alone_elsewhere() -> None:
    services = [row("web", ports={"http": 5001}, url="http://127.0.0.1:5001"), row("db", "failed", detail="x" * 60)]
    document = {"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}
    assert "http://127.0.0.1:5001" in page(document, 200, PLAIN)[3]
    narrow = page(document, 100, PLAIN)[3]
    assert ":5001" in narrow
    assert "http" not in narrow


def test_services_that_failed_along_are_told_in_one_line() -> None:
    along = [row(name, "failed", reason="dependency_failed", detail="needs db") for name in ("a", "b", "c")]
    services = [row("db", "failed", reason="exited", detail="exit code 1"), *along]
    lines = page({"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": services}, 80, PLAIN)
    assert lines[-1] == "✗ a, b and c start by themselves once what failed is mended"
    assert lines[-3] == "✗ db: exit code 1"


def test_who_asks_only_about_a_service_that_failed_along_learns_why() -> None:
    only = [row("a", "failed", reason="dependency_failed", detail="needs db, but db failed (exited)")]
    document = {"name": "mam", "supervisor": {"pid": 1, "uptime_s": 5}, "services": only}
    assert page(document, 80, PLAIN, only=only)[-2] == "✗ a: needs db, but db failed (exited)"
