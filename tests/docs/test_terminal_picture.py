"""scripts/terminal_picture.py: what a terminal shows, as a picture."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.docs.pages import ROOT

SCRIPT = str(ROOT / "scripts" / "terminal_picture.py")
SVG = "{http://www.w3.org/2000/svg}"


def drawn(capture, title="a terminal"):
    """Every text of the picture, by what it says."""
    command = [sys.executable, SCRIPT, "--title", title]
    done = subprocess.run(command, input=capture, capture_output=True, text=True, check=True, timeout=20)
    return {element.text: element.attrib for element in ET.fromstring(done.stdout).iter(f"{SVG}text")}


def test_words_stand_where_the_terminal_has_them():
    texts = drawn("ab  cd\n    ef\n")
    assert texts["cd"]["x"] == texts["ef"]["x"]
    assert float(texts["cd"]["y"]) < float(texts["ef"]["y"])
    assert float(texts["cd"]["x"]) - float(texts["ab"]["x"]) == 2 * float(texts["ab"]["textLength"])


@pytest.mark.parametrize(
    ("codes", "color"),
    [
        ("31", "#ff6b6b"),
        ("92", "#86e5ab"),
        ("38;5;196", "#ff0000"),
        ("38;5;244", "#808080"),
        ("38;2;1;2;255", "#0102ff"),
    ],
)
def test_a_colour_of_the_terminal_is_the_colour_of_the_word(codes, color):
    texts = drawn(f"\x1b[{codes}mred\x1b[39m plain")
    assert texts["red"]["fill"] == color
    assert "fill" not in texts["plain"]


def test_a_style_goes_on_over_lines_until_it_is_switched_off():
    texts = drawn("\x1b[1mone\ntwo\x1b[0m three\n\x1b[2mfour\x1b[22m five")
    assert texts["two"]["font-weight"] == "bold"
    assert "font-weight" not in texts["three"]
    assert texts["four"]["opacity"] == ".6"
    assert "opacity" not in texts["five"]


def test_what_is_no_colour_is_left_out():
    assert set(drawn("\x1b[?25l\x1b[2Kone\x1b]0;title\x07\x1b(B", "t")) == {"one", "t"}


def test_text_cannot_become_markup():
    assert '<b> & "c"' in drawn('<b> & "c"', "<title>")


def test_wide_letters_take_two_columns():
    texts = drawn("日本  x\nabcd  y")
    assert texts["x"]["x"] == texts["y"]["x"]


def test_nothing_makes_an_empty_window():
    assert set(drawn("\n\n", "empty")) == {"empty"}


def boxes(capture):
    """The boxes behind and instead of letters: their x, width and colour."""
    command = [sys.executable, SCRIPT, "--title", "t"]
    done = subprocess.run(command, input=capture, capture_output=True, text=True, check=True, timeout=20)
    found = [one.attrib for one in ET.fromstring(done.stdout).iter(f"{SVG}rect")][1:]
    return [(one["width"], float(one["height"]), one["fill"]) for one in found]


def test_a_ground_is_behind_spaces_too():
    assert boxes("\x1b[46ma    b\x1b[0m") == [("50.6", 19.0, "#56d4dd")]


def test_what_is_reversed_has_the_colour_of_letters_as_its_ground():
    assert boxes("\x1b[7ma\x1b[27mb") == [("8.6", 19.0, "#d5dae3")]
    assert drawn("\x1b[7ma\x1b[27mb")["a"]["fill"] == "#14181f"


def test_blocks_are_boxes_as_high_as_they_say():
    assert boxes("\x1b[36m▄█ x") == [("8.6", 9.5, "#56d4dd"), ("8.6", 19.0, "#56d4dd")]
