"""The keys that detach: a sequence such as Ctrl-P Ctrl-Q, found in what is typed and kept from the service."""

from __future__ import annotations

from typing import Final, NamedTuple

from mamctl.core.errors import UsageError

DEFAULT: Final = "ctrl-p,ctrl-q"
_HINT: Final = "write keys with commas between them: ctrl-p,ctrl-q or ctrl-] or ctrl-a,d"
_CONTROLS: Final = "@abcdefghijklmnopqrstuvwxyz[\\]^_"


class Typed(NamedTuple):
    """What of the typed bytes is for the service, and whether the sequence was complete."""

    data: bytes
    detached: bool


class DetachKeys:
    """Finds the sequence. Its beginning is held back until it is clear whether the rest follows."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, typed: bytes) -> Typed:
        """Take what was typed; what comes after the sequence is for nobody."""
        text = self._held + typed
        found = text.find(self._keys)
        if found >= 0:
            self._held = b""
            return Typed(text[:found], detached=True)
        keep = next((size for size in range(len(self._keys) - 1, 0, -1) if text.endswith(self._keys[:size])), 0)
        self._held = text[len(text) - keep :]
        return Typed(text[: len(text) - keep], detached=False)


def parse(text: str) -> bytes:
    """Return the bytes that the keys send. Raises UsageError."""
    return b"".join(_key(word.strip()) for word in text.split(","))


def spoken(text: str) -> str:
    """Return the keys as people say them: Ctrl-P Ctrl-Q."""
    return " ".join(_spoken(word.strip()) for word in text.split(","))


def _key(word: str) -> bytes:
    name, _, key = word.rpartition("-")
    if name.lower() in ("ctrl", "c", "^") and len(key) == 1 and key.lower() in _CONTROLS:
        return bytes([_CONTROLS.index(key.lower())])
    if len(word) == 1 and word.isascii() and word.isprintable():
        return word.encode()
    raise UsageError(f"{word!r} is no key to detach with", _HINT)


def _spoken(word: str) -> str:
    name, _, key = word.rpartition("-")
    return f"Ctrl-{key.upper()}" if name else word
