"""A stack that a service brings up is no part of that service, also where control groups hold processes together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtime.stack import lives
from tests.system.supervised import supervised

if TYPE_CHECKING:
    import pathlib

SCRIPT = 'cd inner && "$0" -m mamctl up -d && exec sleep 1000'


@pytest.mark.slow
def test_a_stack_that_a_service_brought_up_outlives_a_stop_of_that_service(tmp_path: pathlib.Path) -> None:
    (tmp_path / "inner").mkdir()
    with supervised(tmp_path) as outer, supervised(tmp_path / "inner") as inner:
        inner.write({"web": {"command": ["sleep", "1000"]}})
        nest = {"command": ["sh", "-c", SCRIPT, sys.executable], "ready": {"log": "all 1 ready|1 of 1 ready"}}
        outer.start({"nest": nest})
        outer.settle()
        supervisor = inner.client.request("GET", "/v1/status")["supervisor"]
        inner.pids += [supervisor["guardian_pid"], supervisor["pid"]]
        web = inner.row("web")["pid"]

        outer.client.request("POST", "/v1/services/nest/stop", {"wait": 10})

        assert outer.row("nest")["state"] == "stopped"
        assert inner.row("web")["pid"] == web
        assert all(map(lives, inner.pids))
        inner.client.request("POST", "/v1/down", {"wait": 10})
        outer.down()
