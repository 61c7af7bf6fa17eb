"""The log probe: a line of this incarnation's output matches a regular expression.

Nothing is polled: the sink calls when bytes have landed, and only what is new is read. What matched once stays
matched, for a line that was written cannot be taken back.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Protocol

from mamctl.runtime.probes.outcome import Outcome, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LONGEST_LINE: Final = 65536
"""Bytes of a line that are looked at; the rest of a longer one is not."""

# Colours and titles: a pattern means the words, whatever a program paints around them.
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Output(Protocol):
    """What one incarnation writes to one stream, and word of more. Positions only grow."""

    @property
    def start(self) -> int:
        """Return the position at which this incarnation began."""

    def read_new(self, position: int) -> tuple[int, bytes]:
        """Return the next piece from `position` on and the position after it; empty when there is nothing new.

        A position before the oldest byte kept continues there. Pieces are bounded; OSError is passed on.
        """

    def watch(self, on_output: Callable[[], None]) -> Callable[[], None]:
        """Call back in the loop after bytes have landed; return what ends that."""


class Lines:
    """Cuts pieces into whole lines, each at most 64 KiB; the rest of a longer one is dropped."""

    def __init__(self) -> None:
        self._open = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that end in this piece, without their ends."""
        *whole, rest = piece.split(b"\n")
        for part in whole:
            yield (bytes(self._open) + part)[:LONGEST_LINE].removesuffix(b"\r")
            self._open.clear()
        self._open += rest[: LONGEST_LINE - len(self._open)]


class _Reading:
    """How far one output has been read."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._position = output.start
        self._lines = Lines()

    def advance(self) -> list[bytes] | None:
        """Return the lines that the next piece ends, or None when there is no piece."""
        self._position, piece = self.output.read_new(self._position)
        return list(self._lines.feed(piece)) if piece else None


class Scan:
    """One pattern on its way through one incarnation's outputs (two when stderr is kept apart)."""

    def __init__(self, pattern: str, outputs: Sequence[Output]) -> None:
        self._pattern = re.compile(pattern)
        self._readings = [_Reading(output) for output in outputs]
        self._matched = False

    async def check(self, timeout: float) -> Outcome:  # noqa: ASYNC109 - the deadline becomes the verdict
        """Return at the first line that matches; after `timeout` seconds without one, say so."""
        try:
            async with asyncio.timeout(timeout):
                await self._read_until_matched()
        except TimeoutError:
            detail = f"no line matched /{self._pattern.pattern}/ within {seconds(timeout)}"
            return Outcome(ok=False, detail=detail, answered=False)
        return Outcome(ok=True, detail=f"a line matched /{self._pattern.pattern}/", answered=True)

    async def _read_until_matched(self) -> None:
        landed = asyncio.Event()
        with ExitStack() as watches:
            for reading in self._readings:
                watches.callback(reading.output.watch(landed.set))
            while not self._matched:
                landed.clear()
                pieces = [lines for reading in self._readings if (lines := reading.advance()) is not None]
                self._matched = any(self._fits(line) for lines in pieces for line in lines)
                # After a piece there may be more: only the loop gets its turn. After nothing, wait to be called.
                await (asyncio.sleep(0) if pieces else landed.wait())

    def _fits(self, line: bytes) -> bool:
        plain = _ESCAPES.sub(b"", line) if b"\x1b" in line else line
        return self._pattern.search(plain.decode(errors="replace")) is not None
