"""docs/images/architecture.svg is what its script draws, and can be read in the light and in the dark."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

from tests.docs.pages import DOCS, ROOT

PICTURE = (DOCS / "images" / "architecture.svg").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def test_it_is_drawn_by_the_script():
    command = [sys.executable, str(ROOT / "scripts" / "architecture_picture.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == PICTURE, "python scripts/architecture_picture.py > docs/images/architecture.svg"


def test_every_colour_has_one_for_the_dark():
    light, dark = PICTURE.split("prefers-color-scheme: dark", 1)
    named = {word.split(":")[0] for word in dark.partition("}")[0].split("--")[1:]}
    assert named == {word.split(":")[0] for word in light.split("svg {")[1].split("--")[1:]}


def test_nothing_lies_beyond_the_edge():
    root = ET.fromstring(PICTURE)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    for one in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(one.attrib.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + wide <= width
        assert y + high <= height
