"""The dependency view."""

from __future__ import annotations

import sys
from pathlib import Path

from mamctl.tui.needs import around, whole
from mamctl.tui.spans import text_of
from mamctl.ui.paint import Paint

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from fake_supervisor import row

PAINT = Paint(enabled=False)


def lines(found):
    return [text_of(spans) for spans in found]


def test_each_service_stands_above_what_it_needs_and_says_what_it_waits_for():
    rows = [row("db", "starting"), row("web", "waiting", depends_on=["db"], waits_for=["db"])]
    assert lines(whole(rows, PAINT)) == [
        "○ web waiting: waits for db",
        "└─ ◌ db starting: not ready yet (2 min of 30 s)",
    ]


def test_what_was_drawn_once_is_only_named_later():
    rows = [row("db"), row("api", depends_on=["db"]), row("a", depends_on=["api"]), row("b", depends_on=["api"])]
    drawn = lines(whole(rows, PAINT))
    assert drawn[-1] == "└─ ● api ready  (above)"
    assert sum("db" in line for line in drawn) == 1


def test_one_service_is_shown_between_what_it_needs_and_who_needs_it():
    rows = [row("db"), row("web", depends_on=["db"]), row("proxy", depends_on=["web"])]
    assert lines(around(rows, "web", PAINT)) == [
        *("needs", "● web ready", "└─ ● db ready", ""),
        *("is needed by", "● web ready", "└─ ● proxy ready"),
    ]
    assert lines(around(rows, "proxy", PAINT))[-1] == "is needed by nobody"


def test_a_service_with_replicas_is_all_of_them():
    rows = [row("crew-1", service="crew"), row("crew-2", service="crew"), row("web", depends_on=["crew"])]
    assert lines(whole(rows, PAINT)) == ["● web ready", "├─ ● crew-1 ready", "└─ ● crew-2 ready"]
