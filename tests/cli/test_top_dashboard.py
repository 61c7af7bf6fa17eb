"""`mamctl top` as a person meets it: keys in, what stands on the screen out; supervisors scripted and real."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from fake_supervisor import document, report, row, serving

from mamctl.control.sdk_async import AsyncClient
from mamctl.tui.app import Dashboard
from mamctl.ui.paint import Paint
from tests.control.realstack import real_stack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from fake_supervisor import FakeSupervisor
    from textual.pilot import Pilot

PATIENCE = 15.0


class Seen:
    """What stands on the screen, and the keys."""

    def __init__(self, app: Dashboard, pilot: Pilot[int]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def text(self) -> str:
        lines = ("".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips())
        return "\n".join(lines)

    async def expect(self, *words: str, without: str = "\0") -> None:
        """Wait until all of these stand there."""
        await self.until(lambda: all(word in self.text for word in words) and without not in self.text)

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, self.text
            await self._pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def resize(self, width: int, height: int) -> None:
        await self._pilot.resize_terminal(width, height)

    async def click(self, x: int, y: int) -> None:
        await self._pilot.click(offset=(x, y))


@contextlib.asynccontextmanager
async def shown(
    where: str, size: tuple[int, int] = (100, 30), token: str | None = None, **options: Any
) -> AsyncIterator[Seen]:
    async with AsyncClient(where, token=token) as client:
        options = {"seconds": 0.5, **options}
        app = Dashboard(client, title="services.yaml", paint=Paint(enabled=False), **options)
        async with app.run_test(size=size) as pilot:
            yield Seen(app, pilot)
        assert app.problem is None


@pytest.fixture
def fake(stack: Path, supervisor: FakeSupervisor) -> FakeSupervisor:
    """Return a scripted supervisor with three services, a history and a log."""
    supervisor.document = document(
        row("db"), row("web", depends_on=["db"]), row("broken", "failed", reason="exited", detail="ended with code 3")
    )
    supervisor.answers["GET /v1/events"] = lambda _: (200, {"events": [happened(1, "started", "web")]})
    line = {"service": "web", "generation": 1, "stream": "output", "at": "2026-01-31T12:00:00.000Z", "line": "hello"}
    supervisor.answers["GET /v1/logs"] = lambda _: (200, line)
    supervisor.seq = 1
    return supervisor


def happened(seq: int, kind: str, service: str, **data: Any) -> dict[str, Any]:
    at = "2026-01-31T12:00:00.123Z"
    return {"seq": seq, "at": at, "service": service, "generation": 1, "type": kind, "data": data}


def run(stack: Path, play: Callable[[Seen], Any], **options: Any) -> None:
    async def whole() -> None:
        async with shown(str(stack / ".mamctl" / "control.sock"), **options) as seen:
            await play(seen)

    asyncio.run(whole())


def test_the_table_says_how_every_service_is_and_the_worst_one_is_chosen(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("mam: 2 of 3 ready, 1 failed", "● ready", "✗ failed", "ended with code 3")
        assert seen.app.table.chosen == "broken"
        await seen.expect("hello")

    run(stack, play)


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12)])
def test_it_fits_every_terminal(stack: Path, fake: FakeSupervisor, size: tuple[int, int]) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("broken", "Logs", "Start")
        assert len(seen.text.splitlines()) == size[1]
        if size[0] == 200:
            await seen.expect("Details", "Needs", "Events", "is needed by nobody")

    run(stack, play, size=size)


def test_another_size_is_filled_at_once_and_so_is_a_pane_that_was_not_seen(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("PID", "ended with code 3", "2 Events  all services ───")
        await seen.resize(80, 24)
        await seen.expect("ended with code 3", without="PID")
        for key in "431":
            await seen.press(key)
            await seen.expect("4 Details  broken ───")

    run(stack, play, size=(170, 48), seconds=3600.0)


def test_what_happens_shows_at_once(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.press("2")
        await seen.expect("web ready")
        await asyncio.to_thread(fake.wait_for, "STREAM", "/v1/events")
        fake.document = document(row("db", "unhealthy"), row("web"))
        fake.emit("unhealthy", "db", detail="no answer within 2 s")
        await seen.expect("◐ unhealthy", "db unhealthy: no answer within 2 s", without="broken")

    run(stack, play)


def test_keys_start_stop_and_signal_the_chosen_service(stack: Path, fake: FakeSupervisor) -> None:
    for verb in ("start", "stop"):
        fake.answers[f"POST /v1/services/web/{verb}"] = lambda _: (200, report(row("web")))
    fake.answers["POST /v1/restart"] = lambda _: (409, {"error": "it is leaving", "code": "busy", "hint": "wait"})
    fake.answers["POST /v1/services/web/signal"] = lambda _: (200, {"services": ["web"]})

    async def play(seen: Seen) -> None:
        await seen.expect("✗ failed")
        await seen.press("up")
        await seen.press("s")
        await seen.expect("web started")
        await seen.press("x")
        await seen.expect("web stopped")
        await seen.press("r")
        await seen.expect("it is leaving; wait")
        await seen.press("i")
        await seen.expect("Send a signal to web")
        await seen.press("down", "enter")
        await seen.expect("sent USR1 to web")
        assert fake.wait_for("POST", "/v1/services/web/signal")["signal"] == "USR1"

    run(stack, play)


def test_all_are_stopped_only_after_a_yes(stack: Path, fake: FakeSupervisor) -> None:
    fake.answers["POST /v1/services/%2A/stop"] = lambda _: (200, report())

    async def play(seen: Seen) -> None:
        await seen.expect("✗ failed")
        for refusal in ("n", "enter", "escape"):
            await seen.press("X")
            await seen.expect("Stop all 3 services of mam?")
            await seen.press(refusal)
            await seen.expect("NAME", without="Stop all")
        assert not [path for method, path, _ in fake.requests if method == "POST"]
        await seen.press("X", "y")
        await seen.expect("all services stopped")

    run(stack, play)


def test_panes_zoom_filter_and_help_are_a_key_away(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("✗ failed")
        await seen.press("4")
        await seen.expect("hint: `mamctl logs broken` shows its last words")
        await seen.press("3", "up")
        await seen.expect("└─ ● db ready")
        await seen.press("z")
        await seen.expect("is needed by nobody", without="NAME")
        await seen.press("z", "f", "d", "b", "enter")
        await seen.expect("only names with db", without="broken")
        await seen.press("escape")
        await seen.expect("broken")
        await seen.press("question_mark")
        await seen.expect("only lines that match")
        await seen.press("escape")

    run(stack, play)


def test_the_mouse_chooses_sorts_and_changes_the_pane(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("✗ failed")
        await seen.click(2, 2)
        assert seen.app.table.chosen == "db"
        await seen.click(2, 1)
        await seen.until(lambda: seen.app.roster.order == "name")
        assert seen.text.splitlines()[2].startswith("broken")
        await seen.click(12, 5)
        await seen.until(lambda: seen.app.lower.active == "events")

    run(stack, play)


def test_without_colour_the_chosen_line_is_still_told_from_the_rest(stack: Path, fake: FakeSupervisor) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("✗ failed")
        strips = [seen.app.table.render_line(place) for place in range(3)]
        assert [strip.text.split()[0] for strip in strips] == ["db", "web", "broken"]
        marked = [any(segment.style and segment.style.reverse for segment in strip) for strip in strips]
        assert marked == [False, False, True]

    run(stack, play, colour=False)


def test_nothing_runs_is_told_with_what_begins_it_and_a_supervisor_is_found(stack: Path) -> None:
    async def play(seen: Seen) -> None:
        await seen.expect("services.yaml does not run", "mamctl up -d", without="NAME")
        with serving(str(stack / ".mamctl" / "control.sock")) as late:
            late.document = document(row("web"))
            await seen.expect("mam: 1 of 1 ready", without="does not run")

    run(stack, play)


def test_a_supervisor_that_is_gone_leaves_the_table_until_another_takes_over(stack: Path) -> None:
    socket = str(stack / ".mamctl" / "control.sock")

    async def play(seen: Seen) -> None:
        await seen.expect("does not run")
        with serving(socket) as first:
            first.document = document(row("web"))
            await seen.expect("1 of 1 ready")
        (stack / ".mamctl" / "control.sock").unlink()
        await seen.expect("the supervisor is gone; looking for another", "● ready")
        with serving(socket) as second:
            second.document = document(row("web"))
            second.document["supervisor"] |= {"pid": 42, "generation": 2}
            await seen.expect("another supervisor took over (pid 42)")

    run(stack, play)


def test_what_comes_when_the_screen_is_gone_already_is_no_failure(stack: Path, fake: FakeSupervisor) -> None:
    async def leave() -> None:
        async with shown(str(stack / ".mamctl" / "control.sock")) as seen:
            await seen.expect("db", "web")
        # On the way out, while the last requests are still being answered.
        seen.app.hear_status(fake.document)
        seen.app.hear_events([happened(9, "stopped", "db")], anew=False)
        seen.app.hear_lines([])
        seen.app.hear_silence("it left", gone=True)

    asyncio.run(leave())


def test_with_a_real_stack_lines_come_are_searched_and_filtered(tmp_path: Path) -> None:
    async def play(socket: str) -> None:
        async with shown(socket, size=(80, 24)) as seen:
            await seen.expect("top: ")
            await seen.press("home")
            await seen.until(lambda: seen.app.table.chosen in ("web", "task"))
            seen.app.table.choose("web")
            await seen.expect("one", "two")
            await seen.press("slash", "t", "w", "o", "enter")
            await seen.expect("match 1 of 1")
            await seen.press("ampersand", "o", "n", "e", "enter")
            await seen.expect("only one", without="| two")
            await seen.press("escape", "a")
            await seen.expect("all services", "web | one")
            await seen.press("space")
            await seen.expect("paused")
            await seen.press("F", "w")
            await seen.expect("not wrapped", without="paused")
            seen.app.table.choose("idle")
            await seen.press("r")
            await seen.expect("idle restarted")

    with real_stack(tmp_path, "top") as stack:
        asyncio.run(play(stack.socket))


def test_a_stack_elsewhere_is_watched_and_asked_in_the_same_way(tmp_path: Path) -> None:
    async def play(url: str, token: str) -> None:
        async with shown(url, token=token) as seen:
            await seen.expect("far: ")
            seen.app.table.choose("web")
            await seen.expect("two")
            await seen.press("x")
            await seen.expect("web stopped")

    with real_stack(tmp_path, "far") as stack:
        asyncio.run(play(stack.url, stack.token))
