"""docs/images/lives.svg is what the core does today."""

from __future__ import annotations

import subprocess
import sys

from mamctl.core.states import State
from tests.docs.pages import DOCS, ROOT

PICTURE = (DOCS / "images" / "lives.svg").read_text(encoding="utf-8")


def test_it_is_drawn_by_the_script():
    command = [sys.executable, str(ROOT / "scripts" / "lives_picture.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == PICTURE, "python scripts/lives_picture.py > docs/images/lives.svg"


def test_it_tells_most_states_by_name():
    told = {state for state in State if f">{state}</text>" in PICTURE}
    assert told == {State.WAITING, State.STARTING, State.READY, State.BACKOFF, State.FAILED}
