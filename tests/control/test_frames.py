"""Frames are what they were, however their bytes are cut; what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.control import frames
from mamctl.control.frames import DATA, LARGEST, NOTE, SIZE, Frame, Frames, read_size
from mamctl.control.replay import replayed

SENT = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=300).map(lambda content: (frames.data(content), Frame(DATA, content))),
        st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)).map(
            lambda sides: (frames.size(*sides), Frame(SIZE, frames.size(*sides)[5:]))
        ),
    ),
    max_size=8,
)


@given(SENT, st.lists(st.integers(1, 50), min_size=1))
def test_frames_arrive_however_they_are_cut(sent: list[tuple[bytes, Frame]], cuts: list[int]) -> None:
    whole, found, heard = b"".join(data for data, _ in sent), [], Frames(DATA + SIZE)
    for index in range(10_000):
        if not whole:
            break
        cut = cuts[index % len(cuts)]
        found += heard.feed(whole[:cut])
        whole = whole[cut:]
    assert found == [frame for _, frame in sent]


def test_much_is_sent_in_several_frames() -> None:
    found = list(Frames(DATA).feed(frames.data(b"x" * (LARGEST + 1))))
    assert [len(frame.content) for frame in found] == [LARGEST, 1]
    assert frames.data(b"") == b""


def test_a_note_is_json() -> None:
    assert list(Frames(NOTE).feed(frames.note({"position": 7}))) == [Frame(NOTE, b'{"position": 7}')]


@given(st.binary(min_size=5, max_size=50))
def test_what_is_no_frame_is_refused_or_waits_for_its_end(data: bytes) -> None:
    try:
        found = list(Frames(DATA).feed(data))
    except ValueError:
        return
    assert data[:1] == DATA
    assert all(frame.kind == DATA for frame in found)


@pytest.mark.parametrize("content", [b"", b"\0\1\0", b"\0\0\0\1", b"\0\1\0\0", b"\xff\xff\0\1"])
def test_what_is_no_size_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="size"):
        read_size(content)


def test_sides_beyond_all_terminals_are_cut() -> None:
    assert read_size(frames.size(99_999, 80)[5:]) == (10_000, 80)


QUESTIONS = (
    *(b"\x1b[c", b"\x1b[0c", b"\x1b[>c", b"\x1b[=c", b"\x1b[5n", b"\x1b[6n", b"\x1b[?6n", b"\x1b[?2026$p"),
    *(b"\x1b[>q", b"\x1b[>0q", b"\x1b[?u", b"\x1b[14t", b"\x1b[18t", b"\x1b[21t", b"\x05", b"\x1bZ"),
    *(b"\x1bP+q544e\x1b\\", b"\x1bP$qm\x1b\\", b"\x1b]11;?\x07", b"\x1b]4;1;?\x1b\\"),
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_to_the_terminal_is_not_asked_again(question: bytes) -> None:
    assert replayed(b"one" + question + b"two", whole=True) == b"onetwo"


@pytest.mark.parametrize(
    "harmless",
    [b"\x1b[31m", b"\x1b[2J", b"\x1b[?1049h", b"\x1b]0;title\x07", b"\x1b[22;0;0t", b"\x1b[10C", b"\xc3\xb6"],
)
def test_all_else_is_shown_again(harmless: bytes) -> None:
    assert replayed(b"one" + harmless + b"two", whole=True) == b"one" + harmless + b"two"


def test_a_part_begins_with_a_line_if_it_has_one() -> None:
    assert replayed(b"ne\ntwo", whole=False) == b"two"
    assert replayed(b"one long lin", whole=False) == b"one long lin"
