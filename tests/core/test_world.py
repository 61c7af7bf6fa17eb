"""A stack of six services over hours: the shipped one in small, in virtual time."""

from __future__ import annotations

import pytest

from mamctl.core.events import Down, Found, Stop, Up
from mamctl.core.manifest.model import RestartPolicy
from mamctl.core.outcome import is_idle, unmet
from mamctl.core.states import Ownership, Reason, State
from tests.core.stacks import LIVE, external, service, stack, task
from tests.core.world import Life, World

HOUR = 3600.0
WEB = {"live": LIVE}
SIX = stack(
    task("migrate"),
    service("backend", {"migrate": "completed"}, **WEB),
    service("frontend", "backend", **WEB),
    external("lmstudio", spawned=service("lmstudio", start_timeout=60, **WEB)),
    service("agent", {"lmstudio": "started optional", "backend": "ready restart"}, **WEB),
    service("api", "backend", **WEB),
)
NAMES = tuple(SIX.services)
MIGRATED = [Life(ready_after=None, dies_after=1)]


def started(**lives: list[Life]) -> World:
    """A world in which the six were wanted a minute ago."""
    world = World(SIX, **{"migrate": MIGRATED, **lives})
    world.tell(Up(NAMES, 0.0))
    world.run(60)
    return world


def test_six_services_come_up_in_order_as_soon_as_they_can():
    world = started()
    assert {name: world.state(name) for name in NAMES} == {
        **dict.fromkeys(NAMES, State.READY),
        "migrate": State.COMPLETED,
    }
    assert world.first("backend", State.STARTING) == world.first("migrate", State.COMPLETED)
    assert world.first("frontend", State.STARTING) == world.first("api", State.STARTING)
    assert world.first("api", State.STARTING) == world.first("backend", State.READY)
    assert world.first("api", State.READY) < 2


def test_a_quiet_stack_stays_as_it_is_for_hours():
    world = started()
    before = len(world.states)
    world.run(3 * HOUR)
    assert len(world.states) == before


def test_down_stops_everything_and_nothing_comes_back():
    world = started(frontend=[Life(stops_in=None)])
    world.tell(Down(world.hands.now))
    world.run(11)
    assert is_idle(world.hands.services)
    assert world.first("frontend", State.STOPPED) < world.first("backend", State.STOPPED)
    before = len(world.states)
    world.run(HOUR)
    assert len(world.states) == before


def test_a_service_that_dies_every_five_minutes_is_restarted_for_ever():
    world = started(api=[Life(dies_after=5 * 60, code=1)])
    world.run(2 * HOUR)
    assert world.hands.services["api"].restarts == pytest.approx(24, abs=1)
    assert world.state("backend") is State.READY


def test_a_service_that_dies_at_once_is_given_up_after_five_restarts():
    world = started(api=[Life(dies_after=0.01, code=1)])
    api = world.hands.services["api"]
    assert (api.state, api.reason, api.restarts) == (State.FAILED, Reason.GAVE_UP, 5)
    assert [found.name for found in unmet(world.hands.services)] == ["api"]


def test_a_service_that_dies_slowly_and_is_never_ready_is_given_up_too():
    world = World(stack(service("slow", start_timeout=None)), slow=[Life(ready_after=None, dies_after=200, code=1)])
    world.tell(Up(("slow",), 0.0))
    world.run(HOUR)
    assert world.hands.services["slow"].reason is Reason.GAVE_UP


def test_a_service_that_is_never_ready_is_stopped_at_its_start_timeout_and_given_up():
    world = started(api=[Life(ready_after=None)])
    world.run(HOUR)
    api = world.hands.services["api"]
    assert (api.reason, api.restarts, api.detail) == (
        Reason.GAVE_UP,
        5,
        "not ready after 30 s: asked; gave up after 5 restarts",
    )


def test_a_service_that_hangs_is_restarted_within_the_time_of_its_live_probe():
    world = started(api=[Life(hangs_after=600), Life()])
    world.run(600 + 40)
    assert world.hands.services["api"].restarts == 1
    assert world.state("api") is State.READY
    assert State.UNHEALTHY in world.history("api")


def test_a_service_that_hangs_again_and_again_is_given_up():
    world = started(api=[Life(hangs_after=1)])
    world.run(HOUR)
    assert world.hands.services["api"].reason is Reason.GAVE_UP


def test_when_the_backend_crashes_the_agent_restarts_with_it_and_the_others_stay():
    world = started(backend=[Life(dies_after=600, code=1), Life()])
    world.run(HOUR)
    generations = {name: world.hands.services[name].generation for name in NAMES}
    assert generations == {"migrate": 1, "backend": 2, "frontend": 1, "lmstudio": 1, "agent": 2, "api": 1}


def test_a_model_server_started_by_hand_is_used_left_alone_and_replaced_once_it_is_gone():
    world = World(SIX, migrate=MIGRATED)
    world.found = Found.IT
    world.tell(Up(NAMES, 0.0))
    world.run(HOUR)
    assert world.hands.services["lmstudio"].ownership is Ownership.EXTERNAL
    world.found = Found.NOBODY
    world.run(60)
    lmstudio = world.hands.services["lmstudio"]
    assert (lmstudio.state, lmstudio.ownership) == (State.READY, Ownership.MANAGED)
    assert world.hands.services["agent"].generation == 1


def test_a_port_that_is_free_after_a_while_is_taken_then():
    world = started(api=[Life(refused=Reason.PORT_TAKEN), Life(refused=Reason.PORT_TAKEN), Life()])
    assert world.state("api") is State.READY
    assert world.hands.services["api"].restarts == 2


def test_a_failed_migration_fails_all_that_needs_it_and_leaves_the_model():
    world = started(migrate=[Life(ready_after=None, dies_after=1, code=1), Life(ready_after=None, dies_after=1)])
    states = {name: world.state(name) for name in NAMES}
    assert states == {**dict.fromkeys(NAMES, State.FAILED), "lmstudio": State.READY}
    world.tell(Up(("migrate",), world.hands.now))
    world.run(60)
    assert not unmet(world.hands.services)


def test_hours_of_chaos_end_in_order():
    policy = RestartPolicy(max_attempts=None, max_delay=2)
    manifest = stack(
        service("a", restart=policy, live=LIVE),
        service("b", {"a": "ready restart"}, restart=policy),
        service("c", {"b": "started optional restart"}, restart=policy),
        external("d", {"a": "ready"}, spawned=service("d", restart=policy)),
    )
    world = World(
        manifest,
        a=[Life(dies_after=7, code=1)],
        b=[Life(dies_after=3.3, code=1, stops_in=None)],
        c=[Life(dies_after=2.7, stops_in=1.5, code=1)],
        d=[Life(hangs_after=5, dies_after=11, code=1)],
    )
    world.tell(Up(("b", "c", "d"), 0.0))
    world.run(100)
    world.tell(Stop(("b",), world.hands.now))
    world.run(60)
    world.tell(Down(world.hands.now))
    world.run(60)
    assert is_idle(world.hands.services)
    assert set(map(world.state, manifest.services)) == {State.STOPPED}


def test_what_a_run_step_starts_is_lost_and_started_again_and_is_released_at_the_end():
    world = World(stack(external("lm", runs=1, release=True), service("app", "lm")))
    world.tell(Up(("app",), 0.0))
    world.run(5)
    assert (world.state("lm"), world.state("app")) == (State.READY, State.READY)
    world.found = Found.NOBODY
    world.run(3600)
    assert (world.state("lm"), world.found) == (State.READY, Found.IT)
    world.tell(Down(world.hands.now))
    world.run(60)
    assert (world.state("lm"), world.state("app"), world.found) == (State.STOPPED, State.STOPPED, Found.NOBODY)


def test_a_run_step_that_hangs_costs_its_start_timeout_and_no_more():
    world = World(stack(external("lm", runs=1, spawned=service("lm"))), lm=[Life(starts_in=None)])
    world.tell(Up(("lm",), 0.0))
    world.run(60)
    assert world.state("lm") is State.READY
    assert 30 < world.first("lm", State.READY) < 31
