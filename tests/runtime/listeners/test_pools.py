"""Pools and their listeners over real pipes: who is told what, and what becomes of those that misbehave."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from mamctl.core.supervisord_events import Told
from mamctl.runtime.listeners import pool as pool_module
from mamctl.runtime.listeners.ledger import Ledger
from mamctl.runtime.listeners.member import Member, Pipes
from mamctl.runtime.listeners.pool import MOST_TRIES, Pool
from mamctl.runtime.listeners.protocol import Phase

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Coroutine
    from typing import Any

FATAL = Told("PROCESS_STATE_FATAL", "processname:a groupname:a from_state:BACKOFF")


class Ear:
    """The listener's side of its pipes, scripted by a test."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stdin, to = os.pipe()
        back, self.stdout = os.pipe()
        for end in (to, back, self.stdin):
            os.set_blocking(end, False)
        self.member = Member(name, Pipes(to, back), stage.ledger, loop=stage.loop, take=stage.pool.take)
        stage.pool.admit(self.member)
        self.member.begin()
        self.open = {self.stdin, self.stdout}

    def say(self, words: str) -> None:
        os.write(self.stdout, words.encode())

    def heard(self) -> str:
        """Return what it was told since the last time."""
        try:
            return os.read(self.stdin, 65536).decode()
        except BlockingIOError:
            return ""

    def shut(self, *ends: int) -> None:
        for end in ends or tuple(self.open):
            os.close(end)
            self.open.discard(end)


class Stage:
    """A pool named `p` that wants everything."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.loop = asyncio.get_running_loop()
        self.ledger = Ledger(str(folder / "listeners"), lambda: ())
        self.warnings: list[tuple[str, str]] = []
        self.pool = Pool(
            "p", self.ledger, loop=self.loop, warn=lambda *words: self.warnings.append(words), wake=self.wake
        )
        self.pool.types = ("EVENT",)
        self.ears: list[Ear] = []

    def wake(self) -> None:
        self.loop.call_soon(self.pool.dispatch, "shop")

    def ear(self, name: str) -> Ear:
        self.ears.append(Ear(self, name))
        return self.ears[-1]

    def add(self, *serials: int) -> None:
        for serial in serials:
            self.pool.add(serial, FATAL)
        self.wake()

    async def until(self, test: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not test():  # noqa: ASYNC110 - anything may make it true
                await asyncio.sleep(0)

    def close(self) -> None:
        self.pool.close()
        self.ledger.close(over=True)
        for ear in self.ears:
            ear.shut()


def on_stage(folder: pathlib.Path, scenario: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        stage = Stage(folder)
        try:
            await scenario(stage)
        finally:
            stage.close()

    asyncio.run(play())


def test_each_event_goes_to_one_of_a_pool_that_is_free(tmp_path: pathlib.Path) -> None:
    async def scenario(stage: Stage) -> None:
        one, two = stage.ear("p-1"), stage.ear("p-2")
        one.say("READY\n")
        two.say("READY\n")
        await stage.until(lambda: one.member.free and two.member.free)
        stage.add(1, 2, 3)
        await stage.until(lambda: one.member.standing.phase is two.member.standing.phase is Phase.BUSY)
        assert "serial:1 pool:p poolserial:0" in one.heard()
        assert "serial:2 pool:p poolserial:1" in two.heard()
        two.say("RESULT 2\nOKREADY\n")
        await stage.until(lambda: two.member.standing.serial == 3)
        assert list(stage.pool.entries) == [1, 3]

    on_stage(tmp_path, scenario)


def test_one_that_never_answers_holds_up_nobody_but_itself(tmp_path: pathlib.Path) -> None:
    async def scenario(stage: Stage) -> None:
        silent, quick = stage.ear("p-1"), stage.ear("p-2")
        silent.say("READY\n")
        await stage.until(lambda: silent.member.free)
        stage.add(*range(20))
        await stage.until(silent.heard)
        for _ in range(19):
            quick.say("READY\n")
            await stage.until(lambda: quick.member.standing.phase is Phase.BUSY)
            quick.say("RESULT 2\nOK")
            await stage.until(lambda: quick.member.standing.phase is Phase.ACKNOWLEDGED)
        assert list(stage.pool.entries) == [0]
        assert stage.pool.busy

    on_stage(tmp_path, scenario)


def test_an_event_that_is_never_managed_is_told_more_and_more_slowly_and_then_dropped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "FIRST_PAUSE", 0.0001)

    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("READY\n")
        stage.add(1, 2)
        began = stage.loop.time()
        for _ in range(MOST_TRIES):
            await stage.until(lambda: ear.member.standing.serial == 1)
            ear.say("RESULT 4\nFAILREADY\n")
            await stage.until(lambda: ear.member.standing.phase is Phase.READY or ear.member.standing.serial == 2)
        await stage.until(lambda: ear.member.standing.serial == 2)
        assert stage.loop.time() - began > sum(0.0001 * 2**n for n in range(MOST_TRIES - 1))
        detail = f"PROCESS_STATE_FATAL ({FATAL.payload}) was told 10 times without success"
        assert stage.warnings == [("p", f"{detail}, last because p-1 did not manage it: it is dropped")]

    on_stage(tmp_path, scenario)


def test_what_one_was_being_told_when_it_ended_is_told_to_another(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "FIRST_PAUSE", 0.0001)

    async def scenario(stage: Stage) -> None:
        first = stage.ear("p-1")
        first.say("READY\n")
        stage.add(7)
        await stage.until(first.heard)
        stage.pool.leave("p-1", failed=True)
        second = stage.ear("p-2")
        second.say("READY\n")
        await stage.until(lambda: "serial:7" in second.heard())
        stage.pool.leave("nobody", failed=True)

    on_stage(tmp_path, scenario)


def test_nonsense_ends_the_telling_once_and_frees_the_event(tmp_path: pathlib.Path) -> None:
    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("READY\n")
        stage.add(1)
        await stage.until(ear.heard)
        ear.say("what?\n")
        await stage.until(lambda: stage.warnings)
        ear.say("and more of it\nREADY\n")
        await asyncio.sleep(0)
        why = "it said 'what?' where RESULT and a length were to come"
        assert stage.warnings == [("p-1", f"{why}, so it is told no more events until it is started again")]
        assert stage.pool.entries[1].holder is None
        assert not stage.pool.busy

    on_stage(tmp_path, scenario)


def test_one_that_never_stops_talking_nonsense_is_read_seldom(tmp_path: pathlib.Path) -> None:
    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("y\n")
        await stage.until(lambda: stage.warnings)
        ear.say("y\n")
        for _ in range(20):
            await asyncio.sleep(0)
        assert unread(ear.stdout) > 0
        await stage.until(lambda: unread(ear.stdout) == 0)

    on_stage(tmp_path, scenario)


def unread(pipe: int) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


@pytest.mark.parametrize("side", ["input", "output"])
def test_one_that_closes_its_pipes_and_stays_is_no_listener_any_more(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    monkeypatch.setattr("mamctl.runtime.listeners.member.DEAF_SECONDS", 0.01)

    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("READY\n")
        await stage.until(lambda: ear.member.free)
        ear.shut(ear.stdin if side == "input" else ear.stdout)
        stage.add(1)
        await stage.until(lambda: stage.warnings)
        assert f"it closed its {side}" in stage.warnings[0][1]
        assert stage.pool.entries[1].holder is None

    on_stage(tmp_path, scenario)


def test_one_that_says_ready_without_reading_is_told_no_more(tmp_path: pathlib.Path) -> None:
    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        long = Told("TICK_5", "x" * 70_000)
        ear.say("READY\n")
        await stage.until(lambda: ear.member.free)
        stage.pool.add(1, long)
        stage.wake()
        await stage.until(lambda: stage.warnings)
        assert "it has not read what it was told before" in stage.warnings[0][1]

    on_stage(tmp_path, scenario)


def test_when_too_many_wait_the_oldest_goes_and_it_is_said_now_and_then(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "BUFFERED", 3)

    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("READY\n")
        await stage.until(lambda: ear.member.free)
        stage.add(0)
        await stage.until(ear.heard)
        stage.add(1, 2, 3, 4, 5)
        # What is being told is not taken back.
        assert list(stage.pool.entries) == [0, 4, 5]
        assert len(stage.warnings) == 1
        assert "3 events wait for it, so the oldest are dropped (1 so far)" in stage.warnings[0][1]

    on_stage(tmp_path, scenario)


def test_with_all_of_them_being_told_none_is_dropped(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "BUFFERED", 0)

    async def scenario(stage: Stage) -> None:
        ear = stage.ear("p-1")
        ear.say("READY\n")
        await stage.until(lambda: ear.member.free)
        stage.pool.add_again(4, 9, FATAL)
        stage.wake()
        await stage.until(lambda: "serial:4 pool:p poolserial:9" in ear.heard())
        assert stage.pool.next == 10

    on_stage(tmp_path, scenario)
