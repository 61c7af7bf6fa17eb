"""The readings of a system's process table: those of /proc and those of psutil must tell the same."""

import os
import subprocess
import sys

import pytest

from mamctl.runtime import processes
from mamctl.runtime.processes import identities, portable, proc, table
from mamctl.runtime.processes.environments import environment as proc_environment
from tests.scripted import eventually, misbehaving

NOBODY = 2**22 + 5


@pytest.fixture(params=[processes, portable], ids=["proc", "psutil"])
def system(request):
    return request.param


@pytest.fixture
def pidfile(tmp_path):
    return tmp_path / "pids"


def pids_in(pidfile, count):
    eventually(lambda: pidfile.exists() and pidfile.read_text().count("\n") == count)
    return [int(line) for line in pidfile.read_text().split()]


def test_a_child_is_a_child_and_a_descendant(system, pidfile):
    with misbehaving("--pidfile", pidfile, "--child", "--child") as service:
        grandchildren = pids_in(pidfile, 2)
        assert service.pid in system.children(os.getpid())
        assert sorted(system.children(service.pid)) == sorted(grandchildren)
        assert set(system.descendants(os.getpid())) >= {service.pid, *grandchildren}


def test_a_grandchild_that_left_the_session_is_in_no_family(system, pidfile):
    with misbehaving("--pidfile", pidfile, "--grandchild", "--child") as service:
        child, escaped = sorted(pids_in(pidfile, 2), key=lambda pid: os.getsid(pid) != service.pid)
        try:
            eventually(lambda: system.read(escaped).ppid != os.getsid(escaped))
            assert escaped not in system.descendants(service.pid)
            assert sorted(system.group_members(service.pid)) == sorted([service.pid, child])
            assert sorted(system.session_members(service.pid)) == sorted([service.pid, child])
        finally:
            os.kill(escaped, 9)


def test_a_zombie_is_a_child_but_no_member_of_its_group(system):
    process = subprocess.Popen(["true"], start_new_session=True)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process.pid in system.children(os.getpid())
    assert system.group_members(process.pid) == []
    assert system.read(process.pid).state == "Z"
    process.wait()


def test_every_process_is_in_the_scan(system):
    assert {row.pid for row in system.scan()} >= {os.getpid(), os.getppid()}


def test_a_process_that_never_was_is_nothing_everywhere(system):
    assert system.read(NOBODY) is None
    assert system.identity(NOBODY) is None
    assert system.environment(NOBODY) is None
    assert system.command_line(NOBODY) is None
    assert system.user(NOBODY) is None
    assert system.age(NOBODY) is None
    assert system.children(NOBODY) == []
    assert system.descendants(NOBODY) == []


def test_the_environment_is_the_one_passed_to_exec(system):
    with misbehaving("--print", "up", env={"COLOUR": "grün", "EMPTY": "", "PAIR": "a=b"}) as service:
        service.line()
        found = system.environment(service.pid)
    assert (found[b"COLOUR"], found[b"EMPTY"], found[b"PAIR"]) == ("grün".encode(), b"", b"a=b")


def test_marked_finds_the_processes_with_the_marker_and_their_children(system, pidfile):
    marker = f"run-{os.getpid()}"
    with misbehaving("--pidfile", pidfile, "--child", env={"MAMCTL_TEST_MARK": marker}) as service:
        expected = sorted((pid, marker.encode()) for pid in (service.pid, *pids_in(pidfile, 1)))
        assert sorted(system.marked(b"MAMCTL_TEST_MARK")) == expected
        assert sorted(system.marked(b"MAMCTL_TEST_MARK", {marker.encode(), b"other"})) == expected
        assert system.marked(b"MAMCTL_TEST_MARK", {b"other"}) == []


def test_a_marker_is_a_whole_variable(system):
    with misbehaving("--print", "up", env={"XMAMCTL_TEST_MARK": "1", "NOTE": "MAMCTL_TEST_MARK=2"}) as service:
        service.line()
        assert system.marked(b"MAMCTL_TEST_MARK") == []


def test_a_marker_is_found_behind_a_large_environment():
    padding = {f"PADDING_{number:03}": "x" * 4000 for number in range(20)}
    with misbehaving("--print", "up", env={**padding, "ZZ_MARK": "late"}) as service:
        service.line()
        assert processes.marked(b"ZZ_MARK") == [(service.pid, b"late")]
        assert proc_environment(service.pid)[b"ZZ_MARK"] == b"late"


def test_an_identity_is_stable_and_differs_between_processes(system):
    with misbehaving() as service:
        mine = system.identity(os.getpid())
        assert mine == system.identity(os.getpid())
        assert mine.pid == os.getpid()
        assert mine.boot_id
        assert system.identity(service.pid) != mine
        assert system.identity(service.pid)[2:] != mine[2:]


def test_a_zombie_still_is_somebody_and_a_reaped_process_nobody(system):
    process = subprocess.Popen(["true"])
    before = system.identity(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert system.identity(process.pid) == before
    process.wait()
    assert system.identity(process.pid) is None


def test_a_row_read_after_the_process_was_reaped_is_not_taken_for_its_own(monkeypatch):
    process = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(process.pid)
    process.wait()
    try:
        # As if the pid belonged to somebody else by now.
        monkeypatch.setattr(identities.stat, "read", lambda pid: processes.read(os.getpid()))
        assert identities._pinned(process.pid, pidfd) is None
    finally:
        os.close(pidfd)


def test_without_unique_pidfds_the_start_time_alone_tells(monkeypatch):
    monkeypatch.setattr(identities, "_pidfds_are_unique", lambda: False)
    found = identities.identity(os.getpid())
    assert found.inode == 0
    assert found.started == processes.read(os.getpid()).start_ticks


def test_the_command_line_is_one_printable_line_of_bounded_length(system):
    with misbehaving("--print", "a\nb\x1b[31m", "--print", "x" * 500) as service:
        service.line()
        shown = system.command_line(service.pid)
    assert shown.startswith(sys.executable)
    assert "a?b?[31m" in shown
    assert len(shown) == 200
    assert shown.endswith("...")


def test_a_zombie_is_shown_by_its_name_in_brackets(system):
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert system.command_line(process.pid) == "[true]"
    process.wait()


def test_user_and_age_are_those_of_the_process(system):
    import pwd

    with misbehaving() as service:
        assert system.user(service.pid) == pwd.getpwuid(os.getuid()).pw_name
        assert 0 <= system.age(service.pid) < 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_the_user_of_another_users_process_is_told(system):
    with misbehaving("--drop-to", 65534) as service:
        eventually(lambda: system.user(service.pid) == "nobody")


def test_a_user_without_a_name_is_its_number():
    assert processes.user_name(54321) == "54321"


def test_the_boot_is_the_same_all_the_time(system):
    assert system.boot_id() == system.boot_id() != ""


def test_rows_of_both_ways_agree_about_a_quiet_process():
    with misbehaving("--print", "up") as service:
        service.line()
        eventually(lambda: processes.read(service.pid).state == "S")
        one, other = processes.read(service.pid), portable.read(service.pid)
    # psutil derives the start from the wall clock, which costs a tick.
    assert abs(one.start_ticks - other.start_ticks) <= 2
    assert one._replace(start_ticks=0, rss_pages=0) == other._replace(start_ticks=0, rss_pages=0)
    assert abs(one.rss_pages - other.rss_pages) < 100


def test_children_are_found_by_a_scan_where_the_kernel_has_no_list(monkeypatch):
    with misbehaving() as service:
        monkeypatch.setattr(proc, "read_whole", lambda path, limit=0: None)
        assert service.pid in table.children(os.getpid())


def test_a_reading_that_fails_for_another_reason_is_not_taken_for_a_process_that_is_gone(monkeypatch):
    def no_descriptors(path, flags):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(proc.os, "open", no_descriptors)
    with pytest.raises(OSError, match="Too many open files"):
        processes.group_members(os.getpgrp())


def test_where_kernel_threads_are_not_visible_none_are_skipped(monkeypatch):
    monkeypatch.setattr(table.proc, "read", lambda path, size=0: b"bash\n")
    assert table.kernel_threads() == frozenset()
