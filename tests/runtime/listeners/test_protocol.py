"""What listeners say, word by word, and what is written to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamctl.core.supervisord_events import Told
from mamctl.runtime.listeners.protocol import LONGEST_RESULT, Heard, Phase, envelope, hear

A, R, B, U = Phase.ACKNOWLEDGED, Phase.READY, Phase.BUSY, Phase.UNKNOWN


@pytest.mark.parametrize(
    ("phase", "words", "expected"),
    [
        (A, b"READY\n", Heard(R, b"")),
        (A, b"READY\nREADY\n", Heard(R, b"READY\n")),
        (A, b"REA", Heard(A, b"REA")),
        (R, b"", Heard(R, b"")),
        (B, b"RESULT 2\nOK", Heard(A, b"", done=True)),
        (B, b"RESULT 2\nOKREADY\n", Heard(A, b"READY\n", done=True)),
        (B, b"RESULT 4\nFAIL", Heard(A, b"", done=False)),
        (B, b"RESULT 0\n", Heard(A, b"", done=False)),
        (B, b"RES", Heard(B, b"RES")),
        (B, b"RESULT 1", Heard(B, b"RESULT 1")),
        (B, b"RESULT 10\nshort", Heard(B, b"RESULT 10\nshort")),
        (U, b"READY\n", Heard(U, b"")),
    ],
)
def test_what_is_said_means(phase: Phase, words: bytes, expected: Heard) -> None:
    assert hear(phase, words) == expected


@pytest.mark.parametrize(
    ("phase", "words", "why"),
    [
        (A, b"hello\n", "it said 'hello' where READY was to come"),
        (A, b"READY", None),
        (A, b"READY \n", "'READY '"),
        (R, b"READY\n", "without having been told anything"),
        (B, b"READY\n", "it said 'READY' where RESULT and a length were to come"),
        (B, b"RESULT x\n", "'RESULT x'"),
        (B, b"RESULT -1\n", "'RESULT -1'"),
        (B, b"x" * 100, "where RESULT"),
        (B, b"RESULT 99999999\n", "its result is 99999999 bytes long"),
        (A, b"\xff\xfe" * 100, "..."),
    ],
)
def test_what_nobody_understands_is_told_in_words(phase: Phase, words: bytes, why: str | None) -> None:
    heard = hear(phase, words)
    assert (heard.phase is Phase.UNKNOWN) == (why is not None)
    assert (why or "") in (heard.wrong or "")


@given(st.sampled_from(Phase), st.binary(max_size=200))
def test_no_words_do_more_than_make_it_unknown(phase: Phase, words: bytes) -> None:
    heard = hear(phase, words)
    assert words.endswith(heard.rest)
    assert len(heard.rest) <= LONGEST_RESULT + 100


@given(st.lists(st.integers(1, 30), max_size=20))
def test_it_does_not_matter_how_words_come_in_pieces(cuts: list[int]) -> None:
    words, phase, done = b"READY\nRESULT 2\nOKREADY\nRESULT 4\nFAILREADY\n", A, []
    pieces, position = [], 0
    for cut in [*cuts, len(words)]:
        pieces.append(words[position : position + cut])
        position += cut
    rest = b""
    for piece in pieces:
        rest += piece
        while rest:
            if phase is R:
                phase = B  # it was told something
            heard = hear(phase, rest)
            if (heard.phase, heard.rest) == (phase, rest):
                break
            done += [] if heard.done is None else [heard.done]
            phase, rest = heard.phase, heard.rest
    assert (phase, rest, done) == (R, b"", [True, False])


def test_an_event_is_written_as_supervisord_writes_it() -> None:
    told = Told("PROCESS_STATE_FATAL", "processname:café groupname:a from_state:BACKOFF")
    assert envelope(told, server="shop", serial=21, pool="mail", pool_serial=10).decode() == (
        "ver:3.0 server:shop serial:21 pool:mail poolserial:10 eventname:PROCESS_STATE_FATAL len:48\n"
        "processname:café groupname:a from_state:BACKOFF"
    )
