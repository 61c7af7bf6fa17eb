import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.findings import Invalid
from mamctl.core.manifest.signals import signal_number
from mamctl.core.manifest.units import LARGEST, LONGEST, about_size, seconds, show_seconds, show_size, size

quick = settings(max_examples=25, deadline=None, database=None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500ms", 0.5),
        ("2s", 2),
        ("5m", 300),
        ("1h", 3600),
        ("1.5s", 1.5),
        ("700ms", 0.7),
        ("3", 3),
        (2, 2),
        (0.25, 0.25),
        (0, 0),
    ],
)
def test_a_duration_is_read_as_seconds(written, meant):
    assert seconds(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "5 s",
        "5sec",
        "-1s",
        "1m30s",
        ".5s",
        "5.s",
        "1e3",
        "\u0665s",
        True,
        None,
        [],
        -1,
        float("nan"),
        1e300,
        "9000h",
        10**400,
    ],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(written):
    with pytest.raises(Invalid) as caught:
        seconds(written)
    assert "500ms" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10MB", 10_000_000),
        ("1GiB", 2**30),
        ("1kb", 1000),
        ("2KiB", 2048),
        ("1.5kB", 1500),
        ("100B", 100),
        ("7", 7),
        (7, 7),
    ],
)
def test_a_size_is_read_as_bytes(written, meant):
    assert size(written) == meant


@pytest.mark.parametrize(
    "written", ["", "MB", "10 MB", "1iB", "-1", "1e3", "10PB", True, 1.5, None, -1, LARGEST + 1, "9" * 30]
)
def test_what_is_no_size_is_refused_with_what_is_allowed(written):
    with pytest.raises(Invalid) as caught:
        size(written)
    assert "10MB" in caught.value.hint


@quick
@given(st.floats(0, LONGEST))
def test_a_duration_that_is_shown_reads_back_the_same(value):
    assert seconds(show_seconds(value)) == value


@quick
@given(st.integers(0, LARGEST))
def test_a_size_that_is_shown_reads_back_the_same(value):
    assert size(show_size(value)) == value


def test_durations_and_sizes_are_shown_in_round_units():
    assert [show_seconds(value) for value in (0, 0.5, 30.0)] == ["0s", "500ms", "30s"]
    assert [show_size(value) for value in (0, 999, 10_000_000, 2**20)] == [0, 999, "10MB", "1MiB"]


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_499, "999 kB"), (999_600, "1 MB"), (51_234_567, "51.2 MB"),
        (123_456_789, "123 MB"), (128 * 2**20, "128 MiB"), (1_234_567_890, "1.23 GB"), (10**9, "1 GB"),
        (123_456_789_012_345, "123457 GB"),
    ],
)  # fmt: skip
def test_an_amount_of_bytes_is_told_in_three_digits(amount, words):
    assert about_size(amount) == words


@quick
@given(st.text(max_size=8))
def test_no_text_makes_a_unit_break(text):
    for read in (seconds, size):
        with contextlib.suppress(Invalid):
            assert read(text) >= 0


@pytest.mark.parametrize(("written", "number"), [("TERM", 15), ("SIGTERM", 15), ("sigint", 2), (9, 9), ("15", 15)])
def test_a_signal_is_a_name_or_a_number(written, number):
    assert signal_number(written) == number


@pytest.mark.parametrize("written", ["NOPE", "0", 0, 65, True, None])
def test_what_is_no_signal_is_refused(written):
    with pytest.raises(Invalid):
        signal_number(written)
