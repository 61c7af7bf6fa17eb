import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend.app.native.byte_range import NotSatisfiable, byte_range
from services.backend.app.native.token_bucket import MAX_CLIENTS, TokenBucket


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=100-", (100, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=999-999", (999, 1000)),
        ("Bytes=0-0", (0, 1)),
    ],
)
def test_a_single_a_suffix_and_an_open_range_are_understood(header, part):
    assert byte_range(header, 1000) == part


@pytest.mark.parametrize(
    "header", [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-1", "bytes=0-1,5-6", "0-1"]
)
def test_what_is_malformed_or_more_than_one_range_means_the_whole_file(header):
    assert byte_range(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=1000-", 1000), ("bytes=5000-6000", 1000), ("bytes=-0", 9), ("bytes=0-", 0), ("bytes=-1", 0)],
)
def test_a_range_behind_the_end_cannot_be_satisfied(header, size):
    with pytest.raises(NotSatisfiable):
        byte_range(header, size)


@given(st.from_regex(r"bytes=[0-9]{0,12}-[0-9]{0,12}", fullmatch=True), st.integers(0, 10**10))
def test_a_range_never_leaves_the_file(header, size):
    try:
        part = byte_range(header, size)
    except NotSatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= size


def test_a_bucket_gives_its_burst_and_then_its_rate():
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.wait_s("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.wait_s("a", 0.0) == pytest.approx(0.1)
    assert bucket.wait_s("a", 0.11) == 0.0
    assert bucket.wait_s("a", 0.12) > 0


def test_clients_do_not_take_each_others_tokens_and_are_forgotten_in_the_end():
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.wait_s("a", 0.0) == 0.0
    assert bucket.wait_s("b", 0.0) == 0.0
    assert bucket.wait_s("a", 0.0) > 0
    for number in range(MAX_CLIENTS):
        bucket.wait_s(str(number), 0.0)
    assert bucket.wait_s("a", 0.0) == 0.0
