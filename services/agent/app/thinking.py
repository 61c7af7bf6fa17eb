"""Parts what a reasoning model thinks, between `<think>` and `</think>`, from what it says."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def part(text: str) -> tuple[str, str]:
    """Return (thoughts, answer).

    Some chat templates write the opening tag themselves, so that only the closing one is in the text; and an answer
    that ran out of tokens while thinking has no closing one.
    """
    before, opened, rest = text.partition(OPEN)
    if not opened:
        thoughts, closed, answer = text.partition(CLOSE)
        return (thoughts.strip(), answer.strip()) if closed else ("", text.strip())
    thoughts, _, after = rest.partition(CLOSE)
    more_thoughts, answer = part(after) if OPEN in after else ("", after.strip())
    return _joined(thoughts, more_thoughts), _joined(before, answer)


def _joined(*texts: str) -> str:
    return "\n".join(text for each in texts if (text := each.strip()))


class Splitter:
    """The same while the text still comes: says of each piece whether it is thought or said.

    A piece that may be the beginning of a tag is held back until the next one decides.
    """

    def __init__(self) -> None:
        self._held = ""
        self._tag = OPEN

    def feed(self, text: str) -> list[tuple[str, str]]:
        """Return the pieces that are decided by now, as ("reasoning" | "delta", text)."""
        pieces: list[tuple[str, str]] = []
        self._held += text
        while self._tag in self._held:
            done, _, self._held = self._held.partition(self._tag)
            pieces.append((self._kind, done))
            self._tag = CLOSE if self._tag is OPEN else OPEN
        kept = _beginning_of(self._tag, self._held)
        pieces.append((self._kind, self._held[: len(self._held) - kept]))
        self._held = self._held[len(self._held) - kept :]
        return [piece for piece in pieces if piece[1]]

    def finish(self) -> list[tuple[str, str]]:
        """Return what was held back: the text has ended, so it was no tag."""
        rest, self._held = self._held, ""
        return [(self._kind, rest)] if rest else []

    @property
    def _kind(self) -> str:
        return "delta" if self._tag is OPEN else "reasoning"


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of `text` may begin `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)
