"""Datagrams of sd_notify, good and bad."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.events import Said
from mamctl.runtime.notify.message import LARGEST, LONGEST_SECONDS, LONGEST_STATUS, NOTHING, Message, parse


@pytest.mark.parametrize("word", Said)
def test_each_word_is_understood(word):
    assert parse(word.value.encode()) == Message(frozenset({word}))


def test_a_datagram_says_several_things_in_lines():
    data = b"READY=1\nSTATUS=serving = fine\nMAINPID=12\nEXTEND_TIMEOUT_USEC=1500000\nWATCHDOG_USEC=0\n"
    assert parse(data) == Message(frozenset({Said.READY}), "serving = fine", 1.5, 0.0)


def test_of_a_key_that_comes_twice_the_first_counts():
    assert parse(b"STATUS=one\nSTATUS=two").status == "one"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n\n",
        b"=",
        b"READY",
        b"READY=",
        b"READY=0",
        b"READY=11",
        b"READY=1 ",
        b" READY=1",
        b"ready=1",
        b"READY=1\0",
        b"WATCHDOG=2",
        b"EXTEND_TIMEOUT_USEC=",
        b"EXTEND_TIMEOUT_USEC=-5",
        b"EXTEND_TIMEOUT_USEC=1.5",
        b"EXTEND_TIMEOUT_USEC=0x10",
        b"EXTEND_TIMEOUT_USEC=" + b"9" * 4000,
        "EXTEND_TIMEOUT_USEC=٣".encode(),
        b"MAINPID=1",
        b"ERRNO=2\nBUSERROR=org.freedesktop.DBus.Error.TimedOut",
        b"FDSTORE=1\nFDNAME=x",
        b"BARRIER=1",
        b"MONOTONIC_USEC=5",
        b"X_OF_MY_OWN=1",
        b"\xff\xfe\xfd",
    ],
)
def test_what_says_nothing_to_us_is_passed_over(data):
    assert parse(data) == NOTHING


def test_a_status_that_is_not_utf_8_or_too_long_is_shown_as_well_as_can_be():
    assert parse(b"STATUS=\xff on\xc3").status == "\ufffd on\ufffd"
    assert parse(b"STATUS=" + b"x" * 4000).status == "x" * LONGEST_STATUS
    assert parse(b"STATUS=").status == ""


def test_nobody_gets_more_than_a_year():
    assert parse(b"EXTEND_TIMEOUT_USEC=18446744073709551615").extend == LONGEST_SECONDS


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.one_of(
        st.binary(max_size=LARGEST),
        st.lists(
            st.sampled_from([b"READY=1", b"STATUS=", b"\xc3", b"WATCHDOG_USEC=", b"9" * 30, b"\n", b"\0", b"="]),
            max_size=20,
        ).map(b"".join),
    )
)
def test_no_datagram_makes_a_traceback(data):
    message = parse(data)
    assert message.said <= set(Said)
    assert len(message.status or "") <= LONGEST_STATUS
