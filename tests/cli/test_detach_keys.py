"""The keys that detach are found however they come, and nothing else is kept from the service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.cli.detachkeys import DEFAULT, DetachKeys, Typed, parse, spoken
from mamctl.core.errors import UsageError


def fed(keys: bytes, *typed: bytes) -> tuple[bytes, bool]:
    found = DetachKeys(keys)
    sent = b""
    for piece in typed:
        data, detached = found.feed(piece)
        sent += data
        if detached:
            return sent, True
    return sent, False


def test_the_default_is_said_as_people_say_it() -> None:
    assert parse(DEFAULT) == b"\x10\x11"
    assert spoken(DEFAULT) == "Ctrl-P Ctrl-Q"


@pytest.mark.parametrize(
    ("text", "keys", "said"),
    [
        ("ctrl-]", b"\x1d", "Ctrl-]"),
        ("Ctrl-A, d", b"\x01d", "Ctrl-A d"),
        ("^-@", b"\x00", "Ctrl-@"),
        ("c-\\", b"\x1c", "Ctrl-\\"),
        ("~,.", b"~.", "~ ."),
    ],
)
def test_keys_are_written_with_commas(text: str, keys: bytes, said: str) -> None:
    assert parse(text) == keys
    assert spoken(text) == said


@pytest.mark.parametrize("text", ["", "hello", "ctrl-", "ctrl-1", "ctrl-pq", "alt-x", "ö", "a,,b", "\x01"])
def test_what_is_no_key_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="no key to detach") as refusal:
        parse(text)
    assert "ctrl-p,ctrl-q" in str(refusal.value.hint)


def test_the_sequence_detaches_and_what_follows_is_for_nobody() -> None:
    assert fed(b"\x10\x11", b"ls\x10\x11rm") == (b"ls", True)
    assert fed(b"\x10\x11", b"ls\x10", b"\x11") == (b"ls", True)
    assert fed(b"\x1d", b"\x1d") == (b"", True)


def test_a_beginning_is_held_back_until_the_rest_is_known() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"a\x10") == Typed(b"a", detached=False)
    assert keys.feed(b"b") == Typed(b"\x10b", detached=False)
    assert keys.feed(b"\x10\x10") == Typed(b"\x10", detached=False)
    assert keys.feed(b"\x11") == Typed(b"", detached=True)


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"c"]), max_size=30))
def test_nothing_is_lost_and_nothing_doubled(typed: list[bytes]) -> None:
    whole = b"".join(typed)
    sent, detached = fed(b"aab", *typed)
    if detached:
        assert sent == whole[: whole.index(b"aab")]
    else:
        held = next((size for size in (2, 1) if whole.endswith(b"aab"[:size])), 0)
        assert sent == whole[: len(whole) - held]
