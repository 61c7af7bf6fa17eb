from email import message_from_bytes
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend.app.native.byte_range import NotSatisfiable, byte_ranges
from services.backend.app.native.multipart_ranges import Multipart
from services.backend.app.native.token_bucket import MAX_CLIENTS, TokenBucket


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-99", [(0, 100)]),
        ("bytes=100-", [(100, 1000)]),
        ("bytes=-100", [(900, 1000)]),
        ("bytes=-5000", [(0, 1000)]),
        ("bytes=990-5000", [(990, 1000)]),
        ("bytes=999-999", [(999, 1000)]),
        ("Bytes=0-0", [(0, 1)]),
        ("bytes=0-0,5-6", [(0, 1), (5, 7)]),
        ("bytes=500-599, 0-9 ,-1", [(500, 600), (0, 10), (999, 1000)]),
        ("bytes=0-9,5000-,20-29", [(0, 10), (20, 30)]),
        ("bytes=0-9,10-19", [(0, 20)]),
        ("bytes=50-99,0-60", [(0, 100)]),
        ("bytes=,0-0,,", [(0, 1)]),
        ("bytes=-0,1-1", [(1, 2)]),
    ],
)
def test_ranges_are_understood_joined_and_kept_in_order(header, spans):
    assert byte_ranges(header, 1000) == spans


@pytest.mark.parametrize(
    "header",
    [
        None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-1", "0-1", "bytes=0-1,x", "bytes=,",
        "bytes=0-1;2-3", "bytes=1 - 2", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 99, 2)), "bytes=\u0663-",
    ],
)  # fmt: skip
def test_what_is_malformed_or_too_many_means_the_whole_file(header):
    assert byte_ranges(header, 1000) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=1000-", 1000), ("bytes=5000-6000,7000-", 1000), ("bytes=-0", 9), ("bytes=0-", 0), ("bytes=-1", 0)],
)
def test_ranges_behind_the_end_cannot_be_satisfied(header, size):
    with pytest.raises(NotSatisfiable):
        byte_ranges(header, size)


@given(
    st.from_regex(r"bytes=[0-9]{0,12}-[0-9]{0,12}(,[0-9]{0,3}-[0-9]{0,3}){0,5}", fullmatch=True), st.integers(0, 10**10)
)
def test_no_range_leaves_the_file_and_no_byte_comes_twice(header, size):
    try:
        spans = byte_ranges(header, size)
    except NotSatisfiable:
        return
    ordered = sorted(spans or [])
    assert all(0 <= start < end <= size for start, end in ordered)
    assert all(one[1] <= two[0] for one, two in pairwise(ordered))


def test_a_multipart_answer_says_its_length_and_each_part():
    parts = Multipart([(0, 2), (5, 9)], "video/mp4", 10)
    body = b"".join(heading + b"x" * (end - start) for heading, (start, end) in parts.parts) + parts.end
    message = message_from_bytes(b"Content-Type: " + parts.content_type.encode() + b"\r\n\r\n" + body)
    assert parts.length == len(body)
    assert [part["Content-Range"] for part in message.get_payload()] == ["bytes 0-1/10", "bytes 5-8/10"]
    assert [part.get_payload() for part in message.get_payload()] == ["xx", "xxxx"]


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
