"""A new supervisor goes on hearing the services that an earlier one started."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mamctl.core.events import Said
from mamctl.core.manifest.model import NotifyProbe, Probe, ServiceSpec
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.environment import MARKER
from mamctl.runtime.incarnation import Incarnation
from mamctl.runtime.launcher import Launcher
from mamctl.runtime.notify.notifications import Notifications
from tests.runtime.stack import descriptors

SPEAKER = str(pathlib.Path(__file__).with_name("speaker.py"))
INSTANCE = "test/a/0123456789ab"
DEADLINE = 10.0


class Keeper(NoCustody):
    """A guardian's custody without the guardian: it keeps copies, and notes what it was told."""

    def __init__(self):
        self.kept = {}
        self.told = []

    def keep(self, name, descriptors, note=None):
        self.told.append(f"keep {name}")
        self._let_go(name)
        self.kept[name] = [os.dup(fd) for fd in descriptors]

    def take(self, name):
        return [os.dup(fd) for fd in self.kept.get(name, ())]

    def drop(self, name):
        self.told.append(f"drop {name}")
        self._let_go(name)

    def _let_go(self, name):
        for fd in self.kept.pop(name, ()):
            os.close(fd)


class Brain:
    """As much of a supervisor as hears services."""

    def __init__(self, folder, custody):
        self.alive = {}
        self.heard = []
        self._news = asyncio.Event()
        self.notifications = Notifications(
            str(folder), custody=custody, alive=lambda: self.alive, post=self._hear, environ={}
        )

    def spawn(self, spec):
        """Start a service as the hands do."""
        outfit = self.notifications.open(spec, 1)
        launcher, null = Launcher(), os.open(os.devnull, os.O_WRONLY)
        env = {**os.environ, MARKER: INSTANCE, **outfit.env}
        launched = launcher.launch(
            spec.argv, cwd="/", env=env, stdout=null, stderr=null, descriptors=outfit.descriptors
        )
        launcher.close()
        for fd in (null, *outfit.descriptors.values()):
            os.close(fd)
        found = self.alive[spec.name] = Incarnation(spec, 1, INSTANCE, launched)
        return found

    def adopt(self, found):
        """Take over a service from the one before."""
        self.notifications.adopt(found)
        self.alive[found.spec.name] = found

    async def hears(self, word):
        """Wait until a word came."""
        async with asyncio.timeout(DEADLINE):
            while not any(word in event.said for event in self.heard):
                await self._news.wait()
                self._news.clear()

    def _hear(self, event):
        self.heard.append(event)
        self._news.set()

    def dies(self):
        """Let go of everything, as kill -9 would: what the services use is left."""
        self.notifications.close_all()
        self.alive = {}


def spec(*words, check=None):
    return ServiceSpec("a", argv=(sys.executable, "-S", SPEAKER, *words), ready=Probe(check or NotifyProbe()))


@contextmanager
def ended(found):
    """End the service at the end."""
    try:
        yield found
    finally:
        found.send(9)
        os.waitid(os.P_PIDFD, found.pidfd, os.WEXITED)
        os.close(found.pidfd)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.mark.parametrize("custody", [Keeper, NoCustody])
def test_signs_of_life_are_heard_by_who_comes_after(tmp_path, custody):
    async def scenario():
        kept = custody()
        first, second = Brain(tmp_path, kept), Brain(tmp_path, kept)
        with ended(first.spawn(spec("READY=1", "wait:0.1", "ping:0.02:1000"))) as found:
            await first.hears(Said.READY)
            first.dies()
            second.adopt(found)
            await second.hears(Said.ALIVE)
            second.notifications.close("a")
            assert os.listdir(tmp_path) == []

    asyncio.run(scenario())


def test_what_was_said_while_nobody_lived_is_not_lost(tmp_path):
    async def scenario():
        kept = Keeper()
        first, second = Brain(tmp_path, kept), Brain(tmp_path, kept)
        with ended(first.spawn(spec("wait:0.1", "READY=1"))) as found:
            first.dies()
            second.adopt(found)
            await second.hears(Said.READY)
            second.notifications.close("a")

    asyncio.run(scenario())


def test_a_line_on_a_descriptor_is_heard_by_who_comes_after(tmp_path):
    async def scenario():
        kept = Keeper()
        first, second = Brain(tmp_path, kept), Brain(tmp_path, kept)
        with ended(first.spawn(spec("wait:0.2", "line:5", check=NotifyProbe(fd=5)))) as found:
            first.dies()
            second.adopt(found)
            await second.hears(Said.READY)
            second.notifications.close("a")

    asyncio.run(scenario())


def test_a_descriptor_that_the_service_closed_long_ago_is_no_trouble(tmp_path, caplog):
    async def scenario():
        kept = Keeper()
        first, second = Brain(tmp_path, kept), Brain(tmp_path, kept)
        with ended(first.spawn(spec("line:5", check=NotifyProbe(fd=5)))) as found:
            await first.hears(Said.READY)
            async with asyncio.timeout(DEADLINE):
                while kept.kept:  # noqa: ASYNC110 - until the end of the pipe was seen: nothing tells of that
                    await asyncio.sleep(0)
            first.dies()
            second.adopt(found)
            second.notifications.close("a")

    asyncio.run(scenario())
    assert caplog.messages == []


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None), (None, "silent"), (5, "silent")])
def test_a_manifest_that_was_changed_since_does_not_change_how_a_process_speaks(tmp_path, before, after):
    async def scenario():
        kept = Keeper()
        first, second = Brain(tmp_path, kept), Brain(tmp_path, kept)
        words = ["wait:0.2", "READY=1" if before is None else f"line:{before}"]
        with ended(first.spawn(spec(*words, check=NotifyProbe(fd=before)))) as found:
            first.dies()
            ready = None if after == "silent" else Probe(NotifyProbe(fd=after))
            found.spec = replace(found.spec, ready=ready)
            second.adopt(found)
            await second.hears(Said.READY)
            second.notifications.close("a")
            assert not kept.kept

    asyncio.run(scenario())


def test_what_a_killed_supervisor_left_goes_with_the_next_orderly_end(tmp_path):
    async def scenario():
        (tmp_path / "b.7").touch()
        brain = Brain(tmp_path, NoCustody())
        brain.notifications.close_all()
        assert os.listdir(tmp_path) == []

    asyncio.run(scenario())


def test_a_socket_that_cannot_be_bound_again_is_told(tmp_path, caplog):
    async def scenario():
        first, second = Brain(tmp_path / "notify", NoCustody()), Brain(tmp_path / "notify", NoCustody())
        with ended(first.spawn(spec("READY=1"))) as found:
            await first.hears(Said.READY)
            first.dies()
            (tmp_path / "notify").chmod(0o777)
            second.adopt(found)

    asyncio.run(scenario())
    assert caplog.messages == ["a: cannot be heard any more: its folder can be written by others"]


@pytest.mark.parametrize("check", [NotifyProbe(), NotifyProbe(fd=4)])
def test_custody_has_it_before_the_spawn_and_no_longer_than_the_incarnation(tmp_path, check):
    async def scenario():
        kept = Keeper()
        brain = Brain(tmp_path, kept)
        outfit = brain.notifications.open(spec(check=check), 1)
        assert kept.told == ["keep notify/a"]
        brain.notifications.close("a")
        assert kept.told == ["keep notify/a", "drop notify/a"]
        for fd in outfit.descriptors.values():
            os.close(fd)

    asyncio.run(scenario())


def test_a_service_that_does_not_speak_is_no_matter_for_custody(tmp_path):
    async def scenario():
        kept = Keeper()
        brain = Brain(tmp_path, kept)
        silent = ServiceSpec("a", argv=("true",))
        assert brain.notifications.open(silent, 1) == ({}, {})
        brain.notifications.close("a")
        assert kept.told == []

    asyncio.run(scenario())
