"""The page about event listeners names what there is, no more and no less."""

from __future__ import annotations

import re

from mamctl.core.manifest.event_types import BUFFERED, PARENTS, UNSENT
from mamctl.core.supervisord_events import EXTRA
from mamctl.core.supervisord_states import ProcessState
from mamctl.runtime.listeners.feed import SETTLE_SECONDS
from mamctl.runtime.listeners.pool import MOST_TRIES
from tests.docs.pages import page

PAGE = page("event-listeners.md")
ROWS = re.findall(r"^\| `([A-Z_0-9]+)` \| `([A-Z_]+)` \| (.*?) \| (.*?) ?\|$", PAGE, re.MULTILINE)


def test_every_type_is_in_the_table_with_its_class() -> None:
    classes = {parent for parent in PARENTS.values() if parent}
    assert {name: above for name, above, _, _ in ROWS} == {
        name: above for name, above in PARENTS.items() if name not in classes
    }


def test_the_payload_of_a_state_has_the_fields_that_the_table_says() -> None:
    payloads = {name: payload.strip("`").split() for name, _, _, payload in ROWS}
    for state, more in EXTRA.items():
        assert payloads[f"PROCESS_STATE_{state.name}"] == ["processname", "groupname", "from_state", *more]
    assert ProcessState.UNKNOWN not in EXTRA


def test_every_type_that_is_refused_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in UNSENT)


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"Up to {BUFFERED:,} events wait" in PAGE
    assert f"after {MOST_TRIES} times it is dropped" in PAGE
    assert f"has {SETTLE_SECONDS:g} seconds to hear" in PAGE
