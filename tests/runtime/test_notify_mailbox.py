"""The socket that a service speaks over, on its own."""

from __future__ import annotations

import array
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from mamctl.runtime.notify.address import LONGEST, socket_path
from mamctl.runtime.notify.mailbox import Mailbox
from mamctl.runtime.notify.message import LARGEST
from tests.runtime.stack import descriptors

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a datagram")


@pytest.fixture
def box(tmp_path):
    made = Mailbox.at(str(tmp_path / "notify" / "web.1"))
    yield made
    made.close(for_good=True)


def send(path, data, fds=()):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
        line.connect(path)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        line.sendmsg([data], rights)


def test_only_our_own_user_can_reach_it(box):
    assert stat.S_IMODE(os.stat(box.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(box.path)).st_mode) == 0o700


def test_there_is_nothing_to_read_before_something_is_sent(box):
    assert box.receive() is None


@linux
def test_a_letter_tells_who_sent_it(box):
    send(box.path, b"READY=1")
    letter = box.receive()
    assert (letter.data, letter.pid, letter.uid) == (b"READY=1", os.getpid(), os.getuid())
    assert (letter.ended, letter.too_long) == (False, False)


@linux
def test_a_sender_that_has_ended_is_still_told(box):
    code = "import os, socket; socket.socket(1, 2).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])"
    child = subprocess.Popen([sys.executable, "-S", "-c", code], env={"NOTIFY_SOCKET": box.path})
    assert child.wait() == 0
    letter = box.receive()
    assert (letter.data, letter.pid, letter.uid) == (b"READY=1", child.pid, os.getuid())


def test_a_letter_that_is_too_long_says_so(box):
    send(box.path, b"x" * LARGEST)
    send(box.path, b"x" * 100_000)
    assert not box.receive().too_long
    assert box.receive().too_long


def test_descriptors_that_come_along_are_closed_at_once(box):
    before = descriptors()
    ours, theirs = os.pipe()
    send(box.path, b"BARRIER=1", [theirs])
    send(box.path, b"FDSTORE=1", [theirs] * 250)
    os.close(theirs)
    assert box.receive().data == b"BARRIER=1"
    assert box.receive().data == b"FDSTORE=1"
    assert os.read(ours, 1) == b""
    os.close(ours)
    assert descriptors() == before


def test_an_empty_letter_is_one(box):
    send(box.path, b"")
    assert box.receive().data == b""
    assert box.receive() is None


def test_one_that_was_left_behind_is_replaced(box, tmp_path):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as old:
        old.bind(str(tmp_path / "old"))
    made = Mailbox.at(str(tmp_path / "old"))
    send(made.path, b"x")
    assert made.receive().data == b"x"
    made.close(for_good=True)
    assert not (tmp_path / "old").exists()


def test_one_that_was_made_by_somebody_before_us_goes_on_receiving(box):
    taken = Mailbox.of(os.dup(box.fileno()))
    assert taken.path == box.path
    send(box.path, b"WATCHDOG=1")
    assert taken.receive().data == b"WATCHDOG=1"
    taken.close(for_good=False)
    assert os.path.exists(box.path)


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(PermissionError, match="can be written by others"):
        Mailbox.at(str(tmp_path / "open" / "web.1"))


def test_a_path_that_is_too_long_for_a_socket_goes_elsewhere():
    folder = f"/{'x' * 120}/notify"
    found = socket_path(folder, "web", 1, {"XDG_RUNTIME_DIR": "/run/user/1000"})
    assert found.startswith("/run/user/1000/mamctl/")
    assert found != socket_path(folder, "web", 2, {"XDG_RUNTIME_DIR": "/run/user/1000"})
    for variables in ({}, {"XDG_RUNTIME_DIR": folder}):
        assert len(socket_path(folder, "web", 1, variables)) <= LONGEST
    assert socket_path("/run", "web", 1, {}) == "/run/web.1"


@linux
def test_a_system_that_does_not_tell_senders_tells_none(monkeypatch, tmp_path):
    monkeypatch.setattr("mamctl.runtime.notify.mailbox._PASSCRED", None)
    made = Mailbox.at(str(tmp_path / "web.1"))
    send(made.path, b"READY=1")
    letter = made.receive()
    assert (letter.data, letter.pid, letter.uid) == (b"READY=1", None, None)
    made.close(for_good=True)
