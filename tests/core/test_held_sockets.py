"""Whether a service comes back: only then may clients of its held sockets wait for it."""

import pytest

from mamctl.core.manifest.model import ServiceSpec
from mamctl.core.service import Halt, Service, Then
from mamctl.core.states import State


def comes_back(state, then=None):
    halt = None if then is None else Halt(then, None)
    return Service(ServiceSpec("web")).but(state=state, halt=halt).comes_back


@pytest.mark.parametrize("state", [State.WAITING, State.STARTING, State.READY, State.UNHEALTHY, State.BACKOFF], ids=str)
def test_what_runs_or_is_on_its_way_up_comes(state):
    assert comes_back(state)


@pytest.mark.parametrize("state", [State.STOPPED, State.COMPLETED, State.FAILED], ids=str)
def test_what_has_ended_does_not(state):
    assert not comes_back(state)


@pytest.mark.parametrize(
    ("then", "again"),
    [
        (Then.AGAIN, True), (Then.RETRY, True),
        (Then.REST, False), (Then.FAIL, False), (Then.COMPLETE, False), (Then.REMOVE, False),
    ],
)  # fmt: skip
def test_of_what_stops_only_what_is_started_again_does(then, again):
    assert comes_back(State.STOPPING, then) is again
