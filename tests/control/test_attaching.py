"""Attaching a terminal: the upgrade, the frames both ways, and readers and typists that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamctl.control import attaching, frames
from mamctl.control.attachment import Attachment
from mamctl.control.client import ApiError
from mamctl.core.errors import NoTerminalError
from tests.control.serving import PATIENCE, Served, answer_of, rest_of, serving
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

UPGRADE = "Connection: Upgrade\r\nUpgrade: mamctl-terminal\r\n"


class FakeOutput:
    """What a terminal showed: bytes that grow, read in pieces."""

    def __init__(self, shown: bytes = b"", piece: int = 1 << 18) -> None:
        self.shown = shown
        self.start = 0
        self.piece = piece
        self.watchers: list[Callable[[], None]] = []

    @property
    def end(self) -> int:
        return len(self.shown)

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(on_output)
        return lambda: self.watchers.remove(on_output)

    def read_new(self, position: int) -> tuple[int, bytes]:
        found = self.shown[position : position + self.piece]
        return position + len(found), found

    def show(self, more: bytes) -> None:
        self.shown += more
        for watcher in tuple(self.watchers):
            watcher()


class FakeTerminal:
    """Notes what is done to it; while not `reading` it takes nothing that is typed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.output = FakeOutput(b"before\nlast line\n")
        self.generation = 3
        self.ended: asyncio.Future[Any] = loop.create_future()
        self.typed = b""
        self.sizes: list[tuple[int, int]] = []
        self.redrawn = 0
        self.reading = asyncio.Event()
        self.reading.set()

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def redraw(self) -> None:
        self.redrawn += 1

    async def type(self, data: bytes) -> None:
        await self.reading.wait()
        self.typed += data


class Stage:
    """A served API with one terminal, `web`; `db` has none."""

    def __init__(self, served: Served) -> None:
        self.served = served
        served.soon(self._make)
        served.views.terminal = self._terminal  # type: ignore[attr-defined]  # the few views have none else

    def _make(self) -> None:
        self.terminal = FakeTerminal(self.served.loop)

    def _terminal(self, name: str) -> FakeTerminal:
        if name != "web":
            raise NoTerminalError("db has no terminal of its own", "write `tty: true`")
        return self.terminal

    def attach(self, **body: Any) -> Attachment:
        return Attachment(self.served.client, "web", body)

    def show(self, data: bytes) -> None:
        self.served.soon(lambda: self.terminal.output.show(data))

    def end(self, code: int | None, signal: int | None) -> None:
        self.served.soon(lambda: self.terminal.ended.set_result((code, signal)))

    def ask(self, path: str = "/v1/services/web/attach", headers: str = UPGRADE, body: bytes = b"{}") -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: mamctl\r\nContent-Type: application/json\r\n{headers}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def stage(served: Served) -> Stage:
    return Stage(served)


def received(attachment: Attachment, enough: Callable[[list[frames.Frame]], object]) -> list[frames.Frame]:
    """Collect frames until they are enough, or until the end."""
    found: list[frames.Frame] = []
    until = time.monotonic() + PATIENCE
    while not enough(found):
        assert time.monotonic() < until, found
        try:
            found += attachment.receive()
        except EOFError:
            break
    return found


def shown(found: list[frames.Frame]) -> bytes:
    return b"".join(frame.content for frame in found if frame.kind == frames.DATA)


def notes(found: list[frames.Frame]) -> list[dict[str, Any]]:
    return [json.loads(frame.content) for frame in found if frame.kind == frames.NOTE]


def begun(attachment: Attachment) -> list[frames.Frame]:
    """Read to the note that tells where it stands."""
    return received(attachment, notes)


# The upgrade ------------------------------------------------------------------------------------------------------


def test_what_was_shown_last_comes_first_then_all_that_comes(stage: Stage) -> None:
    attachment = stage.attach(rows=30, columns=100)
    found = begun(attachment)
    assert shown(found) == b"before\nlast line\n"
    assert notes(found) == [{"position": 17, "generation": 3}]
    assert stage.terminal.sizes == [(30, 100)]
    assert stage.terminal.redrawn == 1
    stage.show(b"more")
    assert shown(received(attachment, shown)) == b"more"
    attachment.close()
    eventually(lambda: not stage.terminal.output.watchers, within=PATIENCE)


def test_what_is_typed_and_resized_arrives(stage: Stage) -> None:
    attachment = stage.attach()
    begun(attachment)
    attachment.type(b"ls\r")
    attachment.resize(10, 20)
    attachment.type(b"x" * 100_000)
    eventually(lambda: not attachment.push() and len(stage.terminal.typed) == 100_003, within=PATIENCE)
    assert stage.terminal.sizes == [(10, 20)]
    attachment.close()


def test_frames_that_come_with_the_request_are_not_lost(stage: Stage) -> None:
    with stage.served.connection() as made:
        made.sendall(stage.ask() + frames.data(b"early") + frames.size(5, 6))
        eventually(lambda: stage.terminal.sizes == [(5, 6)], within=PATIENCE)
        assert stage.terminal.typed == b"early"


def test_a_reader_that_comes_back_goes_on_where_it_was(stage: Stage) -> None:
    attachment = stage.attach(after=7)
    found = received(attachment, shown)
    assert shown(found) == b"last line\n"
    assert notes(found) == [{"position": 7, "generation": 3}]
    assert stage.terminal.redrawn == 0
    attachment.close()


def test_a_part_of_what_was_shown_begins_with_a_line_and_asks_no_terminal_anything(stage: Stage) -> None:
    stage.terminal.output.shown = b"x" * 100 + b"\nwho\x1b[c are\x1b[6n you\x1b]11;?\x07\n"
    attachment = stage.attach(tail=40)
    assert shown(begun(attachment)) == b"who are you\n"
    attachment.close()


def test_of_an_earlier_incarnation_nothing_is_shown(stage: Stage) -> None:
    stage.terminal.output.start = 7
    attachment = stage.attach()
    assert shown(begun(attachment)) == b"last line\n"
    attachment.close()


@pytest.mark.parametrize(("code", "signal"), [(3, None), (None, 15), (None, None)])
def test_the_end_of_the_service_is_told_after_all_that_it_showed(
    stage: Stage, code: int | None, signal: int | None
) -> None:
    attachment = stage.attach(tail=0)
    begun(attachment)
    stage.show(b"last words")
    stage.end(code, signal)
    found = received(attachment, lambda _: False)
    assert shown(found) == b"last words"
    assert notes(found)[-1] == {"exited": {"code": code, "signal": signal}}
    attachment.close()


def test_a_terminal_that_is_let_go_ends_without_a_word(stage: Stage) -> None:
    attachment = stage.attach(tail=0)
    begun(attachment)
    stage.served.soon(stage.terminal.ended.cancel)
    assert received(attachment, lambda _: False) == []
    attachment.close()


def test_the_end_of_the_supervisor_ends_it(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path) as served:
        attachment = Stage(served).attach(tail=0)
        begun(attachment)
        closing = asyncio.run_coroutine_threadsafe(served.server.close(10 * PATIENCE), served.loop)
        assert received(attachment, lambda _: False) == []
        closing.result(PATIENCE)  # long before its grace: nobody waits for who is attached
        attachment.close()


# Refusals ---------------------------------------------------------------------------------------------------------


def refused(stage: Stage, *arguments: Any, **options: Any) -> tuple[int, str]:
    status, document = answer_of(stage.served.say(stage.ask(*arguments, **options)))
    return status, document["code"]


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Upgrade: mamctl-terminal\r\n",
        "Connection: Upgrade\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: close\r\nUpgrade: mamctl-terminal\r\n",
    ],
)
def test_who_asks_for_no_upgrade_is_told_which_one_it_takes(stage: Stage, headers: str) -> None:
    said = stage.served.say(stage.ask(headers=headers))
    assert answer_of(said)[0] == 426
    assert b"\r\nupgrade: mamctl-terminal\r\n" in said.lower()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/services/db/attach", b"{}", 409, "no_terminal"),
        ("/v1/services/nobody/attach", b"{}", 404, "unknown_service"),
        ("/v1/services/*/attach", b"{}", 400, "bad_request"),
        ("/v1/services//attach", b"{}", 404, "unknown_path"),
        ("/v1/attach", b"{}", 404, "unknown_path"),
        ("/v1/services/web/attach", b'{"rows": 0}', 400, "bad_request"),
        ("/v1/services/web/attach", b'{"columns": 10001}', 400, "bad_request"),
        ("/v1/services/web/attach", b'{"tail": -1}', 400, "bad_request"),
        ("/v1/services/web/attach", b'{"size": 1}', 400, "unknown_field"),
        ("/v1/services/web/attach", b"[]", 400, "bad_json"),
    ],
)
def test_what_cannot_be_attached_is_refused_before_the_upgrade(
    stage: Stage, path: str, body: bytes, status: int, code: str
) -> None:
    assert refused(stage, path, body=body) == (status, code)


def test_other_methods_are_refused(stage: Stage) -> None:
    status, document = stage.served.ask("GET", "/v1/services/web/attach")
    assert (status, document["code"]) == (405, "method_not_allowed")


def test_the_client_raises_the_refusal(stage: Stage) -> None:
    with pytest.raises(ApiError, match="db has no terminal") as refusal:
        Attachment(stage.served.client, "db", {})
    assert (refusal.value.status, refusal.value.hint) == (409, "write `tty: true`")


def test_over_tcp_no_terminal_is_attached_whatever_the_token(stage: Stage, tmp_path: pathlib.Path) -> None:
    port = stage.served.open_tcp(tmp_path / "token")
    token = (tmp_path / "token").read_text().strip()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as made:
        made.sendall(stage.ask(headers=f"{UPGRADE}Authorization: Bearer {token}\r\n"))
        made.shutdown(socket.SHUT_WR)
        status, document = answer_of(rest_of(made))
    assert (status, document["code"]) == (403, "not_over_tcp")


# Who misbehaves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"d\xff\xff\xff\xff", b"n\0\0\0\0", b"s\0\0\0\1x"])
def test_what_is_no_frame_ends_the_connection_with_a_word(stage: Stage, nonsense: bytes) -> None:
    with stage.served.connection() as made:
        made.sendall(stage.ask() + nonsense)
        said = rest_of(made)
    assert b'"code": "bad_frame"' in said


def test_a_slow_reader_skips_and_is_told_how_much(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "FARTHEST", 100_000)
    attachment = stage.attach(tail=0)
    position = notes(begun(attachment))[0]["position"]
    for number in range(200):
        stage.show(b"%6d\n" % number * 1000)  # the reader takes none of it yet
    end = stage.terminal.output.end
    found = received(attachment, lambda found: shown(found).endswith(b"   199\n"))
    skipped = sum(note["skipped"] for note in notes(found))
    assert skipped > 100_000
    assert position + len(shown(found)) + skipped == end
    attachment.close()


def test_a_reader_that_takes_nothing_is_let_go(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, idle=0.3) as served:
        stage = Stage(served)
        attachment = stage.attach(tail=0)
        begun(attachment)
        stage.show(b"x" * 900_000)
        eventually(lambda: not stage.terminal.output.watchers, within=PATIENCE)
        attachment.close()


def test_a_typist_who_leaves_while_the_service_does_not_read_is_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "LOOK", 0.02)
    stage.served.soon(stage.terminal.reading.clear)
    attachment = stage.attach()
    begun(attachment)
    attachment.type(b"nobody reads this")
    attachment.close()
    eventually(lambda: stage.served.server.connections == 0, within=PATIENCE)
    assert stage.terminal.typed == b""


def test_several_see_the_same_and_all_may_type(stage: Stage) -> None:
    both = [stage.attach(tail=0) for _ in range(2)]
    for number, attachment in enumerate(both):
        begun(attachment)
        attachment.type(b"%d" % number)
    stage.show(b"for all")
    assert [shown(received(attachment, shown)) for attachment in both] == [b"for all"] * 2
    eventually(lambda: sorted(stage.terminal.typed) == sorted(b"01"), within=PATIENCE)
    for attachment in both:
        attachment.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with serving(tmp_path_factory.mktemp("fuzz")) as served:
        yield Stage(served)


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Connection", "Upgrade", "X-A", "Transfer-Encoding", "Content-Length", "Expect"]),
        st.one_of(
            st.sampled_from(["Upgrade", "mamctl-terminal", "keep-alive, Upgrade", "websocket", "chunked", "5", ""]),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        ),
    ),
    max_size=6,
)


@given(headers=HEADERS, body=st.binary(max_size=60), after=st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_and_no_frame_does_harm(
    standing: Stage, headers: list[tuple[str, str]], body: bytes, after: bytes
) -> None:
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    said = standing.served.say(standing.ask(headers=text, body=body) + after)
    assert said.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 4"))
    assert standing.served.client.request("GET", "/v1/health") == {"status": "healthy"}


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_after_the_upgrade_do_harm(standing: Stage, after: bytes) -> None:
    said = standing.served.say(standing.ask() + after)
    assert said.startswith(b"HTTP/1.1 101 ")
    assert standing.served.client.request("GET", "/v1/health") == {"status": "healthy"}
