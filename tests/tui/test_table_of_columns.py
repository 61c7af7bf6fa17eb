"""Which columns a width has room for, and what stands in them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mamctl.tui.columns import Columns
from mamctl.tui.figures import Figures
from mamctl.tui.roster import Roster
from mamctl.tui.spans import text_of
from mamctl.ui.measure import columns
from mamctl.ui.paint import Paint

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from fake_supervisor import document, row

ROWS = [
    row("backend", ports={"http": 5001}, url="http://127.0.0.1:5001", restarts=2),
    row("worker", "failed", detail="exit code 3, and a sentence that is longer than any column has room for"),
    row("日本語", "waiting", waits_for=["backend"]),
]


def table(width, rows=ROWS):
    figures = Figures()
    figures.take(rows)
    found = Columns(figures, Paint(enabled=False))
    found.fit(rows, width)
    return found


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_window(width):
    found = table(width)
    assert columns(text_of(found.heads("start"))) <= width
    assert all(columns(text_of(found.row(one))) <= width for one in ROWS)


def test_name_state_and_reason_are_there_however_narrow_it_is_and_figures_when_it_is_wide():
    assert text_of(table(48).heads("start")).split() == ["NAME", "STATE", "WHY"]
    wide = table(200)
    for title in ("PID", "PORTS", "UPTIME", "RST", "CPU", "MEMORY"):
        assert title in text_of(wide.heads("start"))
    assert "http://127.0.0.1:5001" in text_of(wide.row(ROWS[0]))


def test_columns_do_not_become_narrower_while_numbers_change():
    found = table(100)
    before = text_of(found.heads("start"))
    shorter = [{**ROWS[0], "uptime_s": 1.0, "memory_bytes": 1}, *ROWS[1:]]
    assert not found.fit(shorter, 100)
    assert text_of(found.heads("start")) == before


def test_a_click_on_a_title_sorts_by_its_column():
    found = table(100)
    heads = text_of(found.heads("start"))
    assert found.order_at(heads.index("CPU")) == "cpu"
    assert found.order_at(0) == "name"
    assert found.order_at(999) == ""


def test_an_uptime_of_minutes_changes_once_a_minute():
    found = table(100)
    assert text_of(found.row({**ROWS[0], "uptime_s": 130.0})) == text_of(found.row({**ROWS[0], "uptime_s": 170.0}))


def test_services_stand_in_the_order_that_was_chosen():
    roster = Roster()
    roster.take(document(row("b", cpu_percent=1.0), row("a", "failed"), row("c", cpu_percent=9.0)))
    found = {}
    for _ in range(7):
        order = roster.next_order()
        found[order] = "".join(one["name"] for one in roster.shown)
    assert (found["start"], found["name"], found["state"], found["cpu"]) == ("bac", "abc", "abc", "cba")
    assert roster.worst == "a"
    roster.sought = "C"
    assert [one["name"] for one in roster.shown] == ["c"]
