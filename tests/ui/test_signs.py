"""A state has one sign, in the terminal and in the browser."""

from __future__ import annotations

import re
from pathlib import Path

import mamctl.control
from mamctl.core.states import State
from mamctl.ui.paint import Paint

SCRIPT = Path(mamctl.control.__file__).parent / "dashboard" / "state.js"


def test_the_page_shows_the_signs_of_the_terminal():
    written = SCRIPT.read_text(encoding="utf-8").partition("const SIGNS = {")[2].partition("}")[0]
    signs = dict(re.findall(r"(\w+): \"(.)\"", written))
    assert signs == {str(state): Paint(enabled=False).symbol(str(state)) for state in State}
