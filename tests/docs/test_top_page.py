"""docs/top.md against the dashboard of the terminal."""

from __future__ import annotations

from textual.binding import Binding

from mamctl.cli.main import run
from mamctl.tui.app import Dashboard
from mamctl.tui.book import KEPT
from mamctl.tui.look import MANY
from mamctl.tui.paper import Paper
from mamctl.tui.table import ServiceTable
from mamctl.tui.wording import KEYS
from tests.docs.pages import ROOT, code, page, sections, tables

PAGE = page("top.md")
NAMED = {"slash": "/", "ampersand": "&", "question_mark": "?"}


def pressed(widget):
    bindings = [binding for binding in widget.BINDINGS if isinstance(binding, Binding)]
    return {NAMED.get(key, key) for binding in bindings for key in binding.key.split(",")}


def test_every_key_of_the_dashboard_is_on_the_page_and_no_other():
    written = {key for row in tables(sections(PAGE)["Keys"])[0] for key in code(row["Key"])}
    assert pressed(Dashboard) - {"ctrl+c"} <= written
    assert written <= pressed(Dashboard) | pressed(ServiceTable) | pressed(Paper)


def test_the_help_names_what_the_page_names():
    told = " ".join(key for _, keys in KEYS for key, _ in keys).replace(",", " ").split()
    assert {key for key in pressed(Dashboard) if len(key) == 1} <= set(told)


def test_the_numbers_are_the_dashboards():
    assert f"{KEPT:,} lines are kept" in PAGE
    assert f"From {MANY[0]} columns and {MANY[1]} lines" in PAGE


def test_the_stack_of_the_pictures_is_valid(capsys):
    assert run(["-f", str(ROOT / "scripts" / "shop.yaml"), "validate"], {"HOME": "/"}) == 0
    assert "is valid" in capsys.readouterr().out
