from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

import pytest

from mamctl.cli.errand import Errand
from mamctl.cli.outlet import Outlet
from mamctl.cli.prompt import Prompt
from mamctl.cli.requests import Requests
from mamctl.cli.signals import Signals
from mamctl.core.errors import NoSupervisor
from mamctl.ui.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def typed(prompt: Prompt, keys: str) -> Prompt:
    for key in keys:
        if not prompt.done:
            prompt.press(key)
    return prompt


def test_a_prompt_takes_a_line_with_corrections() -> None:
    prompt = typed(Prompt("which?"), "bax\x7fck")
    assert (prompt.line(), prompt.done) == ("which? back_", False)
    assert typed(prompt, "\r").answer == "back"
    assert typed(Prompt("?"), "junk\x15 ok \n").answer == "ok"
    assert typed(Prompt("?"), "\r").answer == ""


def test_a_prompt_can_be_given_up_and_has_a_bound() -> None:
    assert (typed(Prompt("?"), "abc\x1b").done, typed(Prompt("?"), "abc\x1b").answer) == (True, None)
    assert len(typed(Prompt("?"), "x" * 1000).typed) == 200


def test_an_outlet_never_waits_for_a_reader_that_does_not_read(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = Outlet(write)
    outlet.put("x" * 300_000)
    outlet.push()
    assert outlet.pending
    got = len(os.read(read, 1 << 20))
    outlet.push()
    while outlet.pending:
        got += len(os.read(read, 1 << 20))
        outlet.push()
    os.close(write)
    while data := os.read(read, 1 << 20):
        got += len(data)
    assert got == 300_000


def test_an_outlet_whose_reader_left_is_closed_and_silent(pipe: tuple[int, int]) -> None:
    read, write = pipe
    outlet = Outlet(write)
    os.close(read)
    outlet.put("lost")
    outlet.push()
    assert outlet.closed
    outlet.put("lost too")
    assert not outlet.pending
    outlet.finish(1.0)


def test_an_outlet_forgets_what_nobody_takes_in_time(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    outlet.put("x" * 300_000)
    outlet.finish(0.01)
    assert not outlet.pending


def test_an_errand_ends_with_an_answer_or_with_what_went_wrong() -> None:
    errand = Errand(lambda: 42)
    select.select([errand], [], [], 10)
    assert errand.result() == 42

    def fail() -> None:
        raise NoSupervisor("gone")

    with pytest.raises(NoSupervisor, match="gone"):
        Errand(fail).result()


def test_a_request_that_cannot_be_made_is_told_as_an_error(tmp_path: Path) -> None:
    requests = Requests(str(tmp_path / "nobody.sock"), Paint(enabled=False))
    requests.send("GET", "/v1/status", None, lambda _answer: ["never"])
    lines = requests.finish()
    assert lines[0].startswith("error: no supervisor answers at")
    assert requests.errands == []


def test_signals_are_queued_and_their_handlers_given_back() -> None:
    before = signal.getsignal(signal.SIGWINCH)
    with Signals() as signals:
        assert signals.read() == []
        signal.raise_signal(signal.SIGWINCH)
        signal.raise_signal(signal.SIGCONT)
        select.select([signals], [], [], 10)
        assert signals.read() == [signal.SIGWINCH, signal.SIGCONT]
    assert signal.getsignal(signal.SIGWINCH) is before
