import os
import socket

import pytest

from mamctl.runtime.ports import Ownership, PortState, bind_test, listeners, netlink, ownership, portable, procnet
from mamctl.runtime.ports import listening as module
from mamctl.runtime.ports.sockets import LISTEN
from tests.scripted import misbehaving

WAYS = [netlink.sockets, procnet.sockets, portable.sockets]
HERE = "127.0.0.1"
ME = [os.getpid()]

needs_ipv6 = pytest.mark.skipif(bind_test("::1", 0) is not PortState.FREE, reason="this machine has no IPv6 loopback")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture(params=WAYS, ids=["netlink", "procnet", "psutil"])
def way(request):
    return request.param


@pytest.fixture
def server():
    with socket.create_server((HERE, 0)) as one:
        yield one


def port_of(one):
    return one.getsockname()[1]


def test_a_listener_is_listed_with_its_place(way, server):
    (row,) = way(port_of(server), 1 << LISTEN)
    assert (row.family, row.address, row.port, row.state) == (socket.AF_INET, HERE, port_of(server), LISTEN)
    assert row.uid == os.getuid()
    assert row.inode == os.fstat(server.fileno()).st_ino or row.pid == os.getpid()


@needs_ipv6
def test_an_ipv6_listener_is_listed(way):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        assert [row.address for row in way(port_of(one), 1 << LISTEN)] == ["::1"]


@needs_ipv6
@pytest.mark.parametrize("dual", [True, False])
def test_netlink_tells_whether_an_ipv6_listener_takes_ipv4_too(dual):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=dual) as one:
        (row,) = listeners(port_of(one))
        assert (row.address, row.dual) == ("::", dual)


def test_only_the_states_that_were_asked_for_are_listed(way, server):
    port = port_of(server)
    with socket.create_connection((HERE, port)) as client:
        accepted, _ = server.accept()
        with accepted:
            assert len(way(port, 1 << LISTEN)) == 1
            assert client.getsockname()[1] not in {row.port for row in way(0, 1 << LISTEN)}


def test_a_port_without_listeners_lists_nothing(way):
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        assert way(port_of(bound), 1 << LISTEN) == []


def test_a_listener_of_one_of_our_processes_is_ours(way, server):
    assert ownership(port_of(server), HERE, ME, listing=way) is Ownership.OURS


def test_a_listener_of_a_stranger_is_foreign(way):
    with misbehaving("--hold-port", 0) as stranger:
        port = stranger.port()
        assert ownership(port, HERE, ME, listing=way) is Ownership.FOREIGN
        assert ownership(port, HERE, [*ME, stranger.pid], listing=way) is Ownership.OURS


def test_no_listener_is_nobodys(way):
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        assert ownership(port_of(bound), HERE, ME, listing=way) is Ownership.NONE


def test_a_listener_on_another_address_would_not_answer(way):
    with socket.create_server(("127.0.0.2", 0)) as one:
        assert ownership(port_of(one), HERE, ME, listing=way) is Ownership.NONE


def test_a_listener_on_every_address_answers_at_each(way):
    with socket.create_server(("0.0.0.0", 0)) as one:
        assert ownership(port_of(one), HERE, ME, listing=way) is Ownership.OURS
        assert ownership(port_of(one), "0.0.0.0", ME, listing=way) is Ownership.OURS


def test_a_stranger_who_shares_the_port_is_noticed(way):
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind((HERE, 0))
        ours.listen(1)
        port = port_of(ours)
        assert ownership(port, HERE, ME, listing=way) is Ownership.OURS
        with misbehaving("--reuse-port", "--hold-port", port, "--print", "up") as stranger:
            stranger.line()
            assert ownership(port, HERE, ME, listing=way) is Ownership.FOREIGN


def test_a_stranger_behind_our_more_particular_listener_does_not_answer():
    with misbehaving("--reuse-port", "--host", "0.0.0.0", "--hold-port", 0) as stranger, socket.socket() as ours:
        port = stranger.port()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind((HERE, port))
        ours.listen(1)
        assert ownership(port, HERE, ME) is Ownership.OURS
        assert ownership(port, "127.0.0.2", ME) is Ownership.FOREIGN


@needs_ipv6
def test_a_stranger_on_the_other_loopback_answers_to_localhost(server):
    port = port_of(server)
    assert ownership(port, "localhost", ME) is Ownership.OURS
    with misbehaving("--host", "::1", "--hold-port", port, "--print", "up") as stranger:
        stranger.line()
        assert ownership(port, "localhost", ME) is Ownership.FOREIGN
        assert ownership(port, HERE, ME) is Ownership.OURS


def test_a_child_that_inherited_the_listener_holds_it(server):
    server.set_inheritable(True)
    child = os.posix_spawn("/bin/sleep", ["sleep", "30"], os.environ)
    try:
        assert ownership(port_of(server), HERE, [child]) is Ownership.OURS
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_process_that_is_gone_holds_nothing(server):
    assert ownership(port_of(server), HERE, [2**22 + 5]) is Ownership.FOREIGN


def test_descriptors_that_may_not_be_read_leave_the_owner_unknown(server, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.os, "listdir", refuse)
    assert ownership(port_of(server), HERE, ME) is Ownership.UNKNOWN


def test_a_listener_of_another_user_is_unknown_to_an_ordinary_one(monkeypatch):
    with misbehaving("--hold-port", 0) as stranger:
        monkeypatch.setattr(module.os, "geteuid", lambda: 12345)
        assert ownership(stranger.port(), HERE, ME) is Ownership.UNKNOWN


@needs_root
def test_root_knows_the_owner_whoever_it_is():
    with misbehaving("--drop-to", 65534, "--hold-port", 0) as stranger:
        port = stranger.port()
        assert ownership(port, HERE, ME) is Ownership.FOREIGN
        assert ownership(port, HERE, [stranger.pid]) is Ownership.OURS
        assert listeners(port)[0].uid == 65534


def test_without_netlink_the_listing_comes_from_proc(server, monkeypatch):
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert ownership(port_of(server), HERE, ME) is Ownership.OURS


def test_without_proc_too_it_comes_from_psutil(server, monkeypatch):
    monkeypatch.delattr(socket, "AF_NETLINK")

    def absent(port, states):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(procnet, "sockets", absent)
    assert [row.pid for row in listeners(port_of(server))] == ME


def test_without_descriptors_the_owner_is_unknown_and_nothing_is_raised(monkeypatch):
    def exhausted(*args):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(netlink.socket, "socket", exhausted)
    assert ownership(1, HERE, ME) is Ownership.UNKNOWN
    with pytest.raises(OSError, match="Too many open files"):
        listeners(1)


def test_a_taken_port_that_no_listing_shows_is_unknown_where_others_are_hidden(server, monkeypatch):
    monkeypatch.setattr(module.os.path, "isdir", lambda path: False)
    assert ownership(port_of(server), HERE, ME, listing=lambda port, states: []) is Ownership.UNKNOWN


def test_an_answer_of_the_kernel_that_is_an_error_is_raised():
    import errno
    import struct

    class Refusing:
        def send(self, message):
            return len(message)

        def recv(self, size):
            return struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -errno.EPERM)

    with pytest.raises(PermissionError):
        list(netlink._dump(Refusing(), socket.AF_INET, 1, 1))
