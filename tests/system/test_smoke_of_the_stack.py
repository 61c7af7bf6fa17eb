"""`mamctl smoke --up` on the shipped stack: all of its steps are good, and nothing is left."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.system.shipped import Shipped, own_ports

if TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.system


@pytest.mark.parametrize("token", ["", "a-token-of-24-characters"], ids=["open", "with a token"])
def test_every_step_is_good_and_the_stack_is_gone_afterwards(tmp_path: pathlib.Path, token: str) -> None:
    stack = Shipped(tmp_path)
    stack.environ["API_TOKEN"] = token
    report = tmp_path / "smoke.xml"
    with own_ports():
        done = stack.mamctl("smoke", "--up", "--json", "--junit", str(report), timeout=240)
    found = json.loads(done.stdout)
    assert [step for step in found["steps"] if step["verdict"] != "passed"] == []
    assert (done.returncode, found["ok"], found["failed"]) == (0, True, 0)
    assert found["passed"] >= 13
    assert ET.parse(report).getroot()[0].get("failures") == "0"
    assert not [name for name in os.listdir(stack.environ["MEDIA_PATH"]) if name.startswith("smoke-check")]
