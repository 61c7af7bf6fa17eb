"""Whatever is written in whatever pieces, over rotations and restarts: all readers see the same lines."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime.logs.follower import Follower
from tests.runtime.logs.stage import Stage, texts

WRITE = st.tuples(st.just("write"), st.text(alphabet="ab\n", min_size=1, max_size=12).map(str.encode))
STEP = st.one_of(WRITE, WRITE, WRITE, st.tuples(st.sampled_from(["next", "poll", "reopen"]), st.just(b"")))


class History:
    """What was written, as a model: lines end at a newline, or where the next incarnation begins."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, bytes]] = []
        self.rest = b""
        self.generation = 1

    def write(self, data: bytes) -> None:
        *whole, self.rest = (self.rest + data).split(b"\n")
        self.lines += [(self.generation, line) for line in whole]

    def next(self) -> None:
        if self.rest:
            self.lines.append((self.generation, self.rest))
        self.rest = b""
        self.generation += 1


@given(st.lists(STEP, max_size=40), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_every_reader_sees_every_line_once_and_in_order(steps: list[tuple[str, bytes]], max_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage, history, followed = Stage(Path(folder), max_size=max_size, keep=1000), History(), []
        with Follower([stage.files]) as follower:
            for step, data in steps:
                if step == "write":
                    history.write(data)
                    stage.say_on(data)
                elif step == "next":
                    history.next()
                    stage.say(b"", history.generation)
                elif step == "reopen":
                    stage.sink.close()
                    stage.sink = stage.open()
                else:
                    followed += follower.poll()
            while (more := follower.poll()) or follower.pending:
                followed += more
        stage.close()
        assert [line for _, line in history.lines] == texts(followed)
        unended = [history.rest] if history.rest else []
        assert texts(stage.lines()) == texts(followed) + unended
        assert texts(stage.lines(lines=3)) == (texts(followed) + unended)[-3:]
        numbered = [(line.generation or 1, line.line) for line in followed if line.line]
        assert numbered == [(generation, line) for generation, line in history.lines if line]
