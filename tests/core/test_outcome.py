"""What became of it all: settled, idle, blocked, unmet, required, reached, hopeless."""

from __future__ import annotations

import pytest

from mamctl.core.outcome import (
    Goal,
    has_reached,
    is_as_wished,
    is_blocked,
    is_hopeless,
    is_idle,
    is_required,
    is_settled,
    unmet,
)
from tests.core.history import History, play
from tests.core.stacks import external, service, stack, task

DB_APP = stack(service("db"), service("app", "db"))
LM_APP = stack(external("lm"), service("app", "lm"))
UP = """
    up app    -> db starting, app waiting | spawn db
    runs db   -> db ready, app starting   | spawn app
    runs app  -> app ready
"""
ABSENT = """
    up app     -> lm starting, app waiting | look lm
    nobody lm  -> lm waiting/absent
"""
STOPPED = """
    up app     -> db starting, app waiting | spawn db
    stop db    -> db stopping
    unborn db  -> db stopped
"""


def settled(history: History) -> set[str]:
    return {name for name, found in history.hands.services.items() if is_settled(found, history.hands.services)}


def blocked(history: History) -> set[str]:
    return {name for name, found in history.hands.services.items() if is_blocked(found, history.hands.services)}


def bad(history: History) -> list[str]:
    return [found.name for found in unmet(history.hands.services)]


def hopeless(history: History, goal: Goal) -> set[str]:
    services = history.hands.services
    return {name for name, found in services.items() if is_hopeless(found, goal, services)}


def test_what_starts_or_waits_for_it_is_not_settled():
    history = play(DB_APP, "up app -> db starting, app waiting | spawn db")
    assert settled(history) == set()
    assert blocked(history) == set()
    assert not is_idle(history.hands.services)


def test_what_is_up_is_settled_but_not_idle():
    history = play(DB_APP, UP)
    assert settled(history) == {"db", "app"}
    assert not is_idle(history.hands.services)
    assert bad(history) == []


def test_what_is_unhealthy_is_settled_but_not_as_wished():
    history = play(DB_APP, UP + "bad db -> \n bad db -> \n bad db -> db unhealthy")
    assert settled(history) == {"db", "app"}
    assert not is_as_wished(history["db"], history.hands.services)
    assert is_as_wished(history["app"], history.hands.services)


def test_what_failed_is_settled_and_unmet_with_all_that_needed_it():
    history = play(DB_APP, "up app -> db starting, app waiting | spawn db \n missing db -> db failed, app failed")
    assert settled(history) == {"db", "app"}
    assert bad(history) == ["db", "app"]
    assert is_idle(history.hands.services)


def test_what_is_in_backoff_is_neither_settled_nor_idle():
    history = play(DB_APP, UP + "ends db 1 -> db backoff | clean db")
    assert settled(history) == {"app"}
    history.play("stop app -> app stopping | TERM app \n stops app -> app stopped | clean app")
    assert not is_idle(history.hands.services)


def test_what_is_to_be_down_is_settled_once_it_is():
    history = play(DB_APP, UP + "down -> db stopping, app stopping | TERM app")
    assert settled(history) == set()
    history.play("stops app -> app stopped | clean app, TERM db \n stops db -> db stopped | clean db")
    assert settled(history) == {"db", "app"}
    assert is_idle(history.hands.services)
    assert is_as_wished(history["db"], history.hands.services)


def test_who_waits_for_what_is_down_for_good_is_blocked_and_unmet():
    history = play(DB_APP, STOPPED)
    assert blocked(history) == {"app"}
    assert settled(history) == {"db", "app"}
    assert bad(history) == ["app"]
    assert is_idle(history.hands.services)


def test_who_waits_for_what_is_stopping_is_not_blocked_yet():
    history = play(DB_APP, "up app -> db starting, app waiting | spawn db \n stop db -> db stopping")
    assert blocked(history) == set()


def test_being_blocked_goes_through_a_chain():
    history = play(
        stack(service("db"), service("api", "db"), service("web", "api")),
        """
        up web     -> db starting, api waiting, web waiting | spawn db
        stop db    -> db stopping
        unborn db  -> db stopped
        """,
    )
    assert blocked(history) == {"api", "web"}


def test_a_wide_and_deep_stack_is_judged_quickly():
    wide = [[f"{layer}-{place}" for place in range(6)] for layer in range(12)]
    above = ["", *(", ".join(names) for names in wide)]
    history = History(
        stack(*(service(name, needs) for names, needs in zip(wide, above, strict=False) for name in names))
    )
    history.happen("up " + " ".join(wide[-1]))
    assert settled(history) == set()


def test_a_chain_of_thousands_is_judged_without_recursion():
    chain = [service("0"), *(service(str(number), str(number - 1)) for number in range(1, 2000))]
    services = History(stack(*chain)).hands.supervisor.services
    waiting = {
        name: found.enter(found.state if name == "0" else found.state.WAITING) for name, found in services.items()
    }
    assert is_blocked(waiting["1999"], waiting)


# Absent -------------------------------------------------------------------------------------------------------------


def test_an_absent_service_that_somebody_requires_is_unmet_with_him():
    history = play(LM_APP, ABSENT)
    assert settled(history) == {"lm", "app"}
    assert bad(history) == ["lm", "app"]
    assert is_required("lm", history.hands.services.values())
    assert not is_as_wished(history["lm"], history.hands.services)


def test_an_absent_service_that_nobody_requires_does_not_count():
    history = play(
        stack(external("lm"), service("app", {"lm": "ready optional"})),
        """
        up app     -> lm starting, app waiting         | look lm
        nobody lm  -> lm waiting/absent, app starting  | spawn app
        runs app   -> app ready
        """,
    )
    assert settled(history) == {"lm", "app"}
    assert bad(history) == []
    assert is_as_wished(history["lm"], history.hands.services)


def test_who_is_not_wanted_requires_nothing():
    history = play(LM_APP, ABSENT + "stop app -> app stopped")
    assert not is_required("lm", history.hands.services.values())
    assert bad(history) == []


def test_only_absent_services_are_idle():
    history = play(stack(external("lm")), "up lm -> lm starting | look lm \n nobody lm -> lm waiting")
    assert is_idle(history.hands.services)
    history.play("wait 10 -> | look lm")
    assert is_idle(history.hands.services)


# Goals --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "reached"),
    [
        (UP, {Goal.READY}),
        (UP + "bad db -> \n bad db -> \n bad db -> db unhealthy", set()),
        (UP + "ends db 0 -> db completed | clean db", {Goal.STOPPED, Goal.COMPLETED}),
        (UP + "ends db 78 -> db failed | clean db", {Goal.STOPPED}),
        (STOPPED, {Goal.STOPPED}),
    ],
    ids=["ready", "unhealthy", "completed", "failed", "stopped"],
)
def test_which_goals_a_service_has_reached(script, reached):
    history = play(DB_APP, script)
    assert {goal for goal in Goal if has_reached(history["db"], goal)} == reached


def test_a_completed_task_counts_as_ready():
    history = play(
        stack(task("migrate")),
        """
        up migrate       -> migrate starting  | spawn migrate
        spawned migrate  ->
        ends migrate 0   -> migrate completed | clean migrate
        """,
    )
    assert all(has_reached(history["migrate"], goal) for goal in Goal)
    assert hopeless(history, Goal.READY) == set()


def test_what_ended_otherwise_is_hopeless():
    history = play(DB_APP, UP + "ends db 0 -> db completed | clean db \n ends app 78 -> app failed | clean app")
    assert hopeless(history, Goal.READY) == {"db", "app"}
    assert hopeless(history, Goal.COMPLETED) == {"app"}
    assert hopeless(history, Goal.STOPPED) == set()


def test_what_is_on_its_way_is_not_hopeless():
    history = play(DB_APP, UP + "ends db 1 -> db backoff | clean db")
    assert hopeless(history, Goal.READY) == set()
    assert hopeless(history, Goal.COMPLETED) == set()


def test_who_waits_for_what_was_stopped_is_hopeless():
    assert hopeless(play(DB_APP, STOPPED), Goal.READY) == {"db", "app"}


def test_there_is_hope_for_what_is_absent_and_for_those_that_wait_for_it():
    assert hopeless(play(LM_APP, ABSENT), Goal.READY) == set()
