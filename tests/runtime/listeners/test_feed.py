"""From the history to the pools, and over the death of a supervisor: what is kept, and what is told twice or never."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.manifest.model import Manifest, ServiceSpec
from mamctl.runtime.custody import NoCustody
from mamctl.runtime.history import History
from mamctl.runtime.listeners import Listeners, ledger
from mamctl.runtime.listeners.feed import Feed, House
from mamctl.runtime.listeners.ledger import Ledger
from mamctl.runtime.listeners.memory import Memory, remember

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

EAR = ServiceSpec("ear", events=("EVENT",))
WEB = ServiceSpec("web")


class Keeper(NoCustody):
    """Keeps descriptors as a guardian would, over the deaths that a test plays."""

    def __init__(self) -> None:
        self.kept: dict[str, list[int]] = {}

    def keep(self, name: str, descriptors: Sequence[int], note: Mapping[str, object] | None = None) -> None:
        self.drop(name)
        self.kept[name] = [os.dup(fd) for fd in descriptors]

    def take(self, name: str) -> list[int]:
        return [os.dup(fd) for fd in self.kept.get(name, ())]

    def drop(self, name: str) -> None:
        for fd in self.kept.pop(name, ()):
            os.close(fd)


class World:
    """One home, its history, and a listener's ends of its pipes."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.custody = Keeper()
        self.warnings: list[str] = []
        self.now = 3599.0
        self.ends: tuple[int, ...] = ()
        self.feed: Any = None
        self.begin()

    def begin(self, *services: ServiceSpec, fresh: bool = True) -> Feed:
        """Let a supervisor begin; the one before ends in order, unless it was killed."""
        if self.feed is not None:
            self.feed.close()
        self.history = History(str(self.folder / "events"))
        self.house = House(
            self.history, self.custody, str(self.folder), asyncio.get_running_loop(),
            lambda name, detail: self.warnings.append(f"{name}: {detail}"), lambda: self.now,
        )  # fmt: skip
        self.feed = Feed(self.house, manifest(*services or (EAR, WEB)), fresh=fresh)
        return self.feed

    def kill(self) -> None:
        """Let the supervisor die: what it had open is gone, what it wrote down stays."""
        self.history.flush()
        for pool in self.feed._pools.values():
            pool.close()
        if self.feed._ticking is not None:
            self.feed._ticking.cancel()
        self.feed._ledger.close(over=False)
        self.feed = None

    def spawn(self) -> None:
        self.ends = self.feed.open(EAR)
        os.set_blocking(self.ends[0], False)

    def say(self, words: str) -> None:
        os.write(self.ends[1], words.encode())

    async def hear(self) -> str:
        """Return what the listener is told next, without what changes from run to run."""
        async with asyncio.timeout(5):
            while True:
                try:
                    text = os.read(self.ends[0], 65536).decode()
                except BlockingIOError:
                    await asyncio.sleep(0)
                    continue
                head, _, payload = text.partition("\n")
                words = dict(word.split(":") for word in head.split())
                return f"{words['serial']} {words['eventname']} {payload}".strip()

    async def turns(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def told(self) -> None:
        """Wait until the listener is said to know all."""
        done = asyncio.get_running_loop().create_future()
        self.feed.once_told(lambda: done.set_result(None))
        async with asyncio.timeout(5):
            await done

    def waiting(self) -> list[str]:
        return [entry.told.type for pool in self.feed._pools.values() for entry in pool.entries.values()]

    def close(self) -> None:
        self.feed.close()
        for name in tuple(self.custody.kept):
            self.custody.drop(name)
        for end in self.ends:
            os.close(end)


def manifest(*services: ServiceSpec) -> Manifest:
    return Manifest("shop", "/services.yaml", "/", {spec.name: spec for spec in services})


def play(folder: pathlib.Path, scenario: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        world = World(folder)
        try:
            await scenario(world)
        finally:
            world.close()

    asyncio.run(run())


def test_a_new_stack_begins_with_its_groups_and_its_supervisor(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        world.spawn()
        world.say("READY\n")
        assert await world.hear() == "0 PROCESS_GROUP_ADDED groupname:ear"
        world.say("RESULT 2\nOKREADY\n")
        assert await world.hear() == "1 PROCESS_GROUP_ADDED groupname:web"
        world.history.record("supervisor-started", None, 0, {})
        world.history.record("starting", "web", 1, {"pid": 7})
        world.say("RESULT 2\nOKREADY\n")
        assert await world.hear() == "2 SUPERVISOR_STATE_CHANGE_RUNNING"
        world.say("RESULT 2\nOKREADY\n")
        told = "3 PROCESS_STATE_STARTING processname:web groupname:web from_state:STOPPED tries:0"
        assert await world.hear() == told
        assert world.feed._pools["ear"].busy
        world.say("RESULT 2\nOK")
        await world.told()
        assert not world.feed._pools["ear"].busy

    play(tmp_path, scenario)


async def acquainted(world: World) -> None:
    """Let the listener know all that there is to know, and be ready for more."""
    world.spawn()
    world.say("READY\n")
    while world.waiting():
        await world.hear()
        world.say("RESULT 2\nOKREADY\n")
        await world.turns()


def test_who_was_ready_is_told_by_the_next_supervisor_what_happened_since(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.kill()
        later = History(str(tmp_path / "events"))
        later.record("starting", "web", 1, {"pid": 7})
        later.flush()
        world.begin()
        assert world.feed.recall(EAR) is None
        assert await world.hear() == "2 PROCESS_STATE_STARTING processname:web groupname:web from_state:STOPPED tries:0"
        world.history.record("started", "web", 1, {})
        world.say("RESULT 2\nOKREADY\n")
        assert await world.hear() == "3 PROCESS_STATE_RUNNING processname:web groupname:web from_state:STARTING pid:7"

    play(tmp_path, scenario)


def test_an_answer_to_one_supervisor_is_heard_by_the_next(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.history.record("starting", "web", 1, {"pid": 7})
        world.history.record("started", "web", 1, {})
        await world.hear()
        world.kill()
        world.say("RESULT 2\nOKREA")
        world.begin()
        assert world.feed.recall(EAR) is None
        world.say("DY\n")
        assert (await world.hear()).startswith("3 PROCESS_STATE_RUNNING")
        assert world.waiting() == ["PROCESS_STATE_RUNNING"]

    play(tmp_path, scenario)


def test_words_half_said_to_one_supervisor_are_finished_to_the_next(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.history.record("starting", "web", 1, {"pid": 7})
        await world.hear()
        world.say("RESULT 2")
        await world.turns()
        world.kill()
        world.begin()
        assert world.feed.recall(EAR) is None
        world.say("\nOKREADY\n")
        await world.turns()
        assert (world.waiting(), world.warnings) == ([], [])

    play(tmp_path, scenario)


def test_who_was_touched_when_the_supervisor_died_cannot_go_on(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        member = world.feed._pools["ear"].members["ear"]
        member._touch()
        world.kill()
        world.begin()
        assert "nobody knows what it was told last" in (world.feed.recall(EAR) or "")
        assert world.custody.kept == {}

    play(tmp_path, scenario)


def test_a_supervisor_that_dies_before_it_recalled_anybody_leaves_it_to_the_next(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        for _ in range(2):
            world.kill()
            world.begin()
            world.history.record("starting", "web", 1, {"pid": 7})
            await world.turns()
        assert world.feed.recall(EAR) is None
        assert (await world.hear()).startswith("2 PROCESS_STATE_STARTING")

    play(tmp_path, scenario)


def test_of_whom_nobody_knows_where_he_stands_that_stays_known(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.feed._pools["ear"].members["ear"]._touch()
        for _ in range(2):
            world.kill()
            world.begin()
            world.history.record("starting", "web", 1, {"pid": 7})
            await world.turns()
        assert world.feed.recall(EAR) is not None

    play(tmp_path, scenario)


def test_without_a_guardian_nobody_can_go_on(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.kill()
        world.custody.drop("listener/ear")
        world.begin()
        assert world.feed.recall(EAR) is not None

    play(tmp_path, scenario)


def test_what_one_that_died_unseen_answered_last_counts(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.history.record("starting", "web", 1, {"pid": 7})
        await world.hear()
        world.kill()
        world.say("RESULT 2\nOK")
        world.begin()
        world.feed.recall(EAR)
        world.feed.leave("ear", failed=True)
        assert (world.waiting(), world.custody.kept) == ([], {})

    play(tmp_path, scenario)


def test_an_event_that_was_never_in_the_history_for_the_next_supervisor_hides_no_other(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.history.record("starting", "web", 1, {"pid": 7})
        world.feed.flush()
        world.history._unwritten.clear()  # killed before the history was written
        world.kill()
        world.begin()
        world.history.record("started", "web", 1, {})
        assert world.waiting() == ["PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING"]

    play(tmp_path, scenario)


def test_ticks_come_by_the_clock_and_only_to_who_wants_them(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        feed = world.begin(ServiceSpec("t", events=("TICK_60",)), ServiceSpec("f", events=("PROCESS_STATE",)))
        assert world.waiting() == []
        world.now = 3601.0
        feed._tick()
        assert world.waiting() == ["TICK_60"]
        feed.take(manifest(ServiceSpec("f", events=("PROCESS_STATE",))))
        assert feed._ticking is None

    play(tmp_path, scenario)


def test_a_tick_that_came_between_two_supervisors_is_told_by_the_second(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        ticker = ServiceSpec("t", events=("TICK_60",))
        world.begin(ticker)
        world.now = 3661.0
        world.feed._tick()
        world.kill()
        world.now = 3721.0
        world.begin(ticker)
        assert world.waiting() == ["TICK_60", "TICK_60"]

    play(tmp_path, scenario)


def test_pools_and_groups_come_and_go_with_the_manifest(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        other = ServiceSpec("other", events=("PROCESS_GROUP",))
        world.feed.take(manifest(EAR, other))
        assert world.waiting() == [
            "PROCESS_GROUP_REMOVED", "PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED", "PROCESS_GROUP_ADDED",
        ]  # fmt: skip
        world.feed.take(manifest(other))
        assert list(world.feed._pools) == ["other"]
        assert world.custody.kept == {}
        world.kill()
        world.begin(other)
        assert list(world.feed._pools) == ["other"]

    play(tmp_path, scenario)


def test_a_listener_that_comes_later_hears_nothing_of_before(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        world.history.record("supervisor-started", None, 0, {})
        world.begin(EAR, WEB, fresh=False)
        assert world.waiting() == []

    play(tmp_path, scenario)


def test_the_end_of_all_is_told_once(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        await acquainted(world)
        world.feed.end()
        world.feed.end()
        assert world.waiting() == ["SUPERVISOR_STATE_CHANGE_STOPPING"]

    play(tmp_path, scenario)


def test_who_does_not_answer_at_the_end_is_not_waited_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mamctl.runtime.listeners.feed.SETTLE_SECONDS", 0.01)

    async def scenario(world: World) -> None:
        world.spawn()
        await world.told()
        assert world.waiting() != []

    play(tmp_path, scenario)


def test_a_ledger_keeps_only_what_holds_and_passes_over_what_is_damaged(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LARGEST", 2000)

    async def scenario(world: World) -> None:
        await acquainted(world)
        for number in range(100):
            world.history.record("starting", "web", number, {"pid": number})
            world.history.record("process-error", "web", number, {})
            world.history.record("backoff", "web", number, {"reason": "exited"})
            while world.waiting():
                await world.hear()
                world.say("RESULT 2\nOKREADY\n")
                await world.turns()
        size = (tmp_path / "listeners").stat().st_size
        assert size < 6000
        with (tmp_path / "listeners").open("ab") as file:
            file.write(b'{"sum": "00000000", "type": "gone"}\ntorn')
        world.kill()
        world.begin()
        assert world.feed.recall(EAR) is None
        assert world.feed._memory.tracks["web"].tries == 100

    play(tmp_path, scenario)


def test_a_ledger_of_another_boot_says_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Ledger(str(tmp_path / "x"), lambda: [{"type": "gone", "pool": "p", "serial": 1}])
    assert book.read() == []
    book.note("left", name="a")
    book.flush()
    assert [record["type"] for record in book.read()] == ["gone", "left"]
    monkeypatch.setattr(ledger, "boot_id", lambda: "another")
    assert book.read() == []
    book.close(over=True)
    assert not (tmp_path / "x").exists()


def test_a_ledger_that_cannot_be_written_stops_nobody(tmp_path: pathlib.Path) -> None:
    book = Ledger(str(tmp_path / "missing" / "x"), list)
    book.note("left", name="a")
    book.flush()
    book.close(over=False)
    assert book.read() == []


def test_a_full_disk_leaves_no_ledger_that_is_out_of_date(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Ledger(str(tmp_path / "x"), list)
    book.note("member", name="a", touched=False)
    book.flush()
    assert [record["type"] for record in book.read()] == ["member"]
    with only_bytes_of_room((tmp_path / "x").stat().st_size + 20):
        book.note("member", name="a", touched=True)
        book.flush()
        assert book.read() == []
        book.note("left", name="b")
        book.flush()
    monkeypatch.setattr(ledger, "PAUSE_SECONDS", 0.0)
    book._again_at = 0.0
    with only_bytes_of_room(20):
        book.note("left", name="c")
        book.flush()
        assert book.read() == []
        assert not (tmp_path / "x.new").exists()
    book.note("left", name="d")
    book.flush()
    assert [record["name"] for record in book.read()] == ["d"]
    book.close(over=True)


@contextlib.contextmanager
def only_bytes_of_room(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_ledger_that_is_written_anew_still_says_who_is_being_touched(tmp_path: pathlib.Path) -> None:
    book = Ledger(str(tmp_path / "x"), lambda: [{"type": "member", "name": "a", "touched": False}])
    book.note("member", name="a", touched=True)
    book.flush()
    assert [record["touched"] for record in book.read()] == [False, True]
    book.close(over=True)


def test_an_input_and_output_that_cannot_be_kept_are_closed(tmp_path: pathlib.Path) -> None:
    async def scenario(world: World) -> None:
        before = os.listdir("/dev/fd")

        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, "no descriptors are left")

        world.custody.keep = refuse  # type: ignore[method-assign]  # the guardian's copies need descriptors, too
        with pytest.raises(OSError, match="no descriptors"):
            world.feed.open(EAR)
        assert os.listdir("/dev/fd") == before

    play(tmp_path, scenario)


def test_records_that_make_no_sense_are_passed_over() -> None:
    records: list[dict[str, Any]] = [
        {"type": "heard", "seq": "x"},
        {"type": "member", "name": "a"},
        {"type": "member", "name": "b", "phase": "asleep", "serial": 1, "words": "", "touched": False},
        {"type": "next", "pool": "p"},
        {"type": "gone", "pool": "p", "serial": 1},
        {"type": "left", "name": "z"},
        {"type": "something else"},
    ]
    assert remember(records) == Memory()


def test_a_stack_without_listeners_has_no_feed_and_no_file(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        history = History(str(tmp_path / "events"))
        listeners = Listeners(
            history, NoCustody(), home=str(tmp_path), loop=asyncio.get_running_loop(), warn=lambda *_: None
        )
        listeners.take(manifest(WEB))
        assert listeners.open(WEB) is None
        assert listeners.recall(WEB) is None
        listeners.end()
        listeners.leave("web")
        listeners.flush()
        called: list[int] = []
        listeners.once_told(lambda: called.append(1))
        assert called
        listeners.close()

    asyncio.run(scenario())
    assert not (tmp_path / "listeners").exists()


def test_a_listener_finds_where_the_supervisor_answers_unless_the_manifest_says_otherwise() -> None:
    async def scenario() -> None:
        listeners = Listeners(None, None, home="", loop=None, warn=None)  # type: ignore[arg-type]  # nothing is fed
        spec = ServiceSpec("w-1", replica_of="w")
        named = {"SUPERVISOR_ENABLED": "1", "SUPERVISOR_PROCESS_NAME": "w-1", "SUPERVISOR_GROUP_NAME": "w"}
        assert listeners.variables(spec) == named
        listeners.address = "unix:///x/control.sock"
        assert listeners.variables(spec) == named | {"SUPERVISOR_SERVER_URL": "unix:///x/control.sock"}
        own = ServiceSpec("a", env={"SUPERVISOR_SERVER_URL": "http://h"}, unset=frozenset({"SUPERVISOR_ENABLED"}))
        assert listeners.variables(own)["SUPERVISOR_SERVER_URL"] == "http://h"
        assert "SUPERVISOR_ENABLED" not in listeners.variables(own)

    asyncio.run(scenario())
