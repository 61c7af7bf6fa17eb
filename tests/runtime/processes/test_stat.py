import os

from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.runtime.processes import read
from mamctl.runtime.processes.stat import TICKS, parse

TAIL = b" S 7 8 9 0 -1 4194304 1 2 3 4 50 6 70 8 20 0 1 0 12345 1000000 321 18446744073709551615 1 1 0 0"


def test_a_row_is_read_field_by_field():
    row = parse(b"41 (python)" + TAIL)
    assert (row.pid, row.name, row.state, row.ppid, row.pgid, row.sid) == (41, "python", "S", 7, 8, 9)
    assert (row.start_ticks, row.cpu_ticks, row.reaped_ticks, row.rss_pages) == (12345, 56, 78, 321)


@settings(deadline=None)
@given(st.binary(max_size=15).filter(lambda name: b"\0" not in name))
def test_any_name_is_read_whole_whatever_it_holds(name):
    row = parse(b"41 (" + name + b")" + TAIL)
    assert row.name == name.decode(errors="replace")
    assert row.ppid == 7


def test_names_with_parentheses_and_spaces_do_not_shift_the_fields():
    assert parse(b"41 (a) S 1 (b) )" + TAIL).ppid == 7


def test_our_own_row_is_ours():
    row = read(os.getpid())
    assert row is not None
    assert (row.ppid, row.pgid, row.sid) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert row.rss_pages > 100
    assert abs(row.cpu_ticks / TICKS - sum(os.times()[:2])) < 1


def test_a_process_that_never_was_has_no_row():
    assert read(2**22 + 5) is None
