import asyncio
import os
import re
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.model import LogProbe, Logs, Probe
from mamctl.runtime.logs.sink import Sink
from mamctl.runtime.probes import Context, Prober, SinkOutput
from mamctl.runtime.probes.log import LONGEST_LINE, Lines, Scan

SOON = 0.02


class Written:
    """An output that a test writes."""

    start = 0

    def __init__(self, data=b""):
        self.data = data
        self.watchers = []
        self.readings = 0

    def write(self, data):
        self.data += data
        for landed in self.watchers:
            landed()

    def read_new(self, position):
        self.readings += 1
        piece = self.data[position : position + 1000]
        return position + len(piece), piece

    def watch(self, on_output):
        self.watchers.append(on_output)
        return lambda: self.watchers.remove(on_output)


def check(*outputs, pattern="ready", timeout=SOON):
    return asyncio.run(Scan(pattern, outputs).check(timeout))


def test_a_line_that_matches_is_good():
    outcome = check(Written(b"starting\nserver is ready now\n"))
    assert (outcome.ok, outcome.detail) == (True, "a line matched /ready/")


def test_no_line_that_matches_is_bad_at_the_deadline():
    outcome = check(Written(b"starting\n"))
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "no line matched /ready/ within 0.02 s", False)


def test_half_a_line_is_none_yet():
    assert not check(Written(b"ready"), pattern="ready$").ok
    assert not check(Written(b"ready"), pattern="ready").ok


def test_a_line_that_comes_while_waiting_is_seen_at_once_and_nothing_is_polled():
    async def scenario():
        output = Written(b"starting\n")
        asking = asyncio.ensure_future(Scan("ready in [0-9]+ ms", [output]).check(5))
        await asyncio.wait({asking}, timeout=SOON)
        idle = output.readings
        output.write(b"ready in 30")
        output.write(b"0 ms\n")
        outcome = await asking
        return outcome, idle, output

    outcome, idle, output = asyncio.run(scenario())
    assert outcome.ok
    assert idle == 2
    assert output.watchers == []


def test_what_matched_once_stays_matched_and_is_not_read_again():
    async def scenario():
        output = Written(b"ready\n")
        scan = Scan("ready", [output])
        assert (await scan.check(SOON)).ok
        before = output.readings
        assert (await scan.check(SOON)).ok
        return output.readings - before

    assert asyncio.run(scenario()) == 0


def test_the_next_check_goes_on_where_the_last_one_stopped():
    async def scenario():
        output = Written(b"rea")
        scan = Scan("^ready$", [output])
        assert not (await scan.check(SOON)).ok
        output.write(b"dy\n")
        return await scan.check(SOON)

    assert asyncio.run(scenario()).ok


def test_only_this_incarnation_is_read():
    output = Written(b"ready\nstarting again\n")
    output.start = len(b"ready\n")
    assert not check(output).ok


def test_the_line_may_come_on_either_stream():
    assert check(Written(b"nothing\n"), Written(b"ready\n")).ok


def test_without_any_output_nothing_matches():
    assert not asyncio.run(Prober().check(Probe(LogProbe("x"), timeout=SOON), Context())).ok


def test_colours_do_not_hide_the_words():
    assert check(
        Written(b"\x1b[1;32mVITE\x1b[0m \x1b]0;title\x07ready in \x1b[1m300\x1b[0m ms\n"), pattern="^VITE ready in 300"
    ).ok


def test_windows_line_ends_do_not_hide_the_end_of_a_line():
    assert check(Written(b"ready\r\n"), pattern="ready$").ok


def test_bytes_that_are_no_text_do_no_harm():
    assert check(Written(b"\xff\xfe\x00ready\n")).ok


def test_a_line_is_looked_at_as_far_as_64_kib():
    long = b"x" * LONGEST_LINE
    assert not check(Written(long + b"ready\n"), timeout=0.1).ok
    assert check(Written(long + b"\nready\n"), timeout=1).ok


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)), st.randoms())
def test_lines_are_the_same_however_the_bytes_are_cut(pieces, random):
    data = b"".join(pieces)
    cuts = sorted(random.sample(range(len(data) + 1), k=min(5, len(data) + 1)))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    lines = Lines()
    found = [line for part in parts for line in lines.feed(part)]
    assert found == [line.removesuffix(b"\r") for line in data.split(b"\n")[:-1]]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3 * LONGEST_LINE), st.integers(1000, LONGEST_LINE))
def test_no_more_than_64_kib_of_a_line_are_kept(length, size):
    lines, found = Lines(), []
    data = b"x" * length + b"\n"
    for at in range(0, len(data), size):
        found += lines.feed(data[at : at + size])
        assert len(lines._open) <= LONGEST_LINE
    assert found == [b"x" * min(length, LONGEST_LINE)]


@asynccontextmanager
async def sinking(folder, **policy):
    """A real sink, with a function that writes as its service would."""
    paths = {name: str(folder / name) for name in ("path", "fifo", "index")}
    loop = asyncio.get_running_loop()
    sink = Sink(**paths, policy=Logs(**policy), loop=loop, notify=lambda notice: None)
    try:
        yield sink, SinkMaker(sink, paths)
    finally:
        sink.close()


class SinkMaker:
    """Begins incarnations of a service that writes to a sink."""

    def __init__(self, sink, paths):
        self.sink = sink
        self.paths = paths
        self.generation = 0

    def begin(self, data=b""):
        """Begin the next incarnation; what it writes first is `data`. Return its output."""
        self.generation += 1
        descriptor = self.sink.child_end(self.generation)
        output = SinkOutput(self.sink, path=self.paths["path"], index=self.paths["index"])
        os.write(descriptor, data)
        os.close(descriptor)
        return output

    def say(self, data):
        """Let the incarnation write more."""
        descriptor = os.open(self.paths["fifo"], os.O_RDWR)
        os.write(descriptor, data)
        os.close(descriptor)


def ask(output, pattern, timeout=5.0):
    return Prober().check(Probe(LogProbe(pattern), timeout=timeout), Context(outputs=[output]))


def test_a_real_log_is_read_as_it_lands(tmp_path):
    async def scenario():
        async with sinking(tmp_path) as (_, service):
            output = service.begin(b"starting\n")
            asking = asyncio.ensure_future(ask(output, "^ready$"))
            await asyncio.wait({asking}, timeout=SOON)
            service.say(b"ready\n")
            return await asking

    assert asyncio.run(scenario()).ok


def test_the_incarnation_before_does_not_make_this_one_ready(tmp_path):
    async def scenario():
        async with sinking(tmp_path) as (sink, service):
            service.begin(b"ready\n")
            sink.drain()
            output = service.begin(b"starting\n")
            first = await ask(output, "ready", SOON)
            service.say(b"ready\n")
            return first, await ask(output, "ready")

    first, second = asyncio.run(scenario())
    assert not first.ok
    assert second.ok


def test_a_line_is_found_however_often_the_log_was_rotated_since(tmp_path):
    async def scenario():
        async with sinking(tmp_path, max_size=2000, keep=3) as (sink, service):
            output = service.begin()
            for number in range(40):
                service.say(b"%099d\n" % number)
                sink.drain()
                if number == 10:
                    service.say(b"ready\n")
                    sink.drain()
            position, lines = output.start, Lines()
            found = []
            while (step := output.read_new(position))[1]:
                position, piece = step
                found += lines.feed(piece)
            return await ask(output, "^ready$"), found, os.listdir(tmp_path)

    outcome, found, files = asyncio.run(scenario())
    assert outcome.ok
    assert "path.2" in files
    assert found == [b"%099d" % number for number in range(11)] + [b"ready"] + [b"%099d" % n for n in range(11, 40)]


def test_what_rotation_threw_away_is_skipped(tmp_path):
    async def scenario():
        async with sinking(tmp_path, max_size=1000, keep=1) as (sink, service):
            output = service.begin()
            for number in range(60):
                service.say(b"%099d\n" % number)
                sink.drain()
            return await ask(output, "59$"), output.read_new(output.start)

    outcome, (_, piece) = asyncio.run(scenario())
    assert outcome.ok
    assert re.match(rb"0+[1-9][0-9]\n", piece)


def test_a_log_that_was_removed_or_truncated_is_read_on(tmp_path):
    async def scenario():
        async with sinking(tmp_path) as (sink, service):
            output = service.begin(b"starting\n")
            sink.drain()
            (tmp_path / "path").unlink()
            service.say(b"once\n")
            sink.drain()
            first = await ask(output, "once")
            os.truncate(tmp_path / "path", 0)
            service.say(b"twice\n")
            sink.drain()
            return first, await ask(output, "twice")

    assert [outcome.ok for outcome in asyncio.run(scenario())] == [True, True]


@pytest.mark.parametrize("victim", ["path", "index"])
def test_a_log_or_index_that_is_gone_makes_no_exception(tmp_path, victim):
    async def scenario():
        async with sinking(tmp_path) as (sink, service):
            output = service.begin(b"starting\n")
            sink.drain()
            (tmp_path / victim).unlink()
            return await ask(output, "starting", SOON)

    assert asyncio.run(scenario()).ok is False


def test_an_output_that_cannot_be_read_is_our_trouble_and_not_an_exception():
    class Broken(Written):
        def read_new(self, position):
            raise OSError(24, "Too many open files")

    outcome = asyncio.run(ask(Broken(), "ready"))
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "cannot probe: too many open files", False)
