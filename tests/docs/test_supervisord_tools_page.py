"""docs/supervisord-tools.md against the code."""

from __future__ import annotations

import mamctl.control.xmlrpc.facade
from mamctl.control.xmlrpc import logs, starting, system
from mamctl.control.xmlrpc.asking import API_VERSION, SUPERVISOR_VERSION
from mamctl.control.xmlrpc.method import METHODS
from mamctl.core.states import Reason, State
from mamctl.core.supervisord_states import BECAUSE, TOLD_AS, ProcessState, process_state
from tests.docs.pages import code, page, sections, tables

PAGE = page("supervisord-tools.md")
SECTIONS = sections(PAGE)


def test_the_table_of_states_is_the_codes():
    (rows,) = tables(SECTIONS["States"])
    told = {}
    for row in rows:
        state, *reasons = code(row["mamctl"])
        for reason in reasons or ["a task" if "task" in row["mamctl"] else None]:
            told[state, reason] = row["supervisord"]
    task = {(State.STARTING, "a task"): process_state(State.STARTING, task=True)}
    expected = {(state, None): found for state, found in TOLD_AS.items()} | dict(BECAUSE) | task
    assert told == {key: found.name for key, found in expected.items()}
    assert {Reason(reason) for _, reason in told if reason not in (None, "a task")} == {reason for _, reason in BECAUSE}
    assert set(told.values()) == {state.name for state in ProcessState} - {"UNKNOWN"}


def test_every_method_has_its_row():
    assert mamctl.control.xmlrpc.facade.Facade
    (rows,) = tables(SECTIONS["Methods"])
    named = [name for row in rows for name in code(row["Method"])]
    assert len(named) == len(set(named))
    assert {f"supervisor.{name}" for name in named} == {name for name in METHODS if name.startswith("supervisor.")}
    for name in METHODS:
        assert not name.startswith("system.") or f"`{name}`" in SECTIONS["Methods"]


def test_versions_and_bounds_are_the_codes():
    assert f"`{SUPERVISOR_VERSION}`" in SECTIONS["Methods"]
    assert f"`{API_VERSION}`" in SECTIONS["Methods"]
    assert f"At most {logs.LARGEST >> 20} MiB" in SECTIONS["Methods"]
    assert f"at most\n{system.MOST_CALLS} calls" in SECTIONS["Methods"]
    assert starting.LONGEST == 3600.0
    assert "after an hour" in SECTIONS["Waiting, and who goes away"]
