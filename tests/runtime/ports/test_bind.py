import os
import socket
import subprocess
import sys

import pytest

from mamctl.runtime.ports import PortState, address, bind_test
from mamctl.runtime.ports import bind as bind_module
from mamctl.runtime.ports.address import Address, addresses

HAS_IPV6 = bind_test("::1", 0) is PortState.FREE
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6 loopback")


@pytest.fixture
def listen():
    """Make listeners that are closed afterwards."""
    made = []

    def listening(host="127.0.0.1", port=0, *, backlog=1, dual=False):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        one.bind((host, port))
        if backlog:
            one.listen(backlog)
        made.append(one)
        return one

    yield listening
    for one in made:
        one.close()


def port_of(one):
    return one.getsockname()[1]


def test_a_port_that_nobody_has_is_free(listen):
    one = listen()
    port = port_of(one)
    one.close()
    assert bind_test("127.0.0.1", port) is PortState.FREE


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", "sub.localhost"])
def test_a_port_that_somebody_listens_on_is_taken(listen, host):
    assert bind_test(host, port_of(listen())) is PortState.TAKEN


def test_a_listener_on_every_address_takes_each_of_them(listen):
    port = port_of(listen("0.0.0.0"))
    assert bind_test("127.0.0.1", port) is PortState.TAKEN
    assert bind_test("127.0.0.2", port) is PortState.TAKEN


def test_a_listener_on_another_address_takes_nothing(listen):
    assert bind_test("127.0.0.2", port_of(listen("127.0.0.1"))) is PortState.FREE


@needs_ipv6
def test_localhost_is_taken_when_only_its_ipv6_half_is(listen):
    port = port_of(listen("::1"))
    assert bind_test("127.0.0.1", port) is PortState.FREE
    assert bind_test("::1", port) is PortState.TAKEN
    assert bind_test("localhost", port) is PortState.TAKEN


@needs_ipv6
def test_a_listener_of_both_families_takes_ipv4_too(listen):
    port = port_of(listen("::", dual=True))
    assert bind_test("127.0.0.1", port) is PortState.TAKEN


@needs_ipv6
def test_every_ipv6_address_is_not_free_while_a_stranger_has_the_port_in_ipv4(listen):
    assert bind_test("::", port_of(listen("127.0.0.1"))) is PortState.TAKEN


@needs_ipv6
def test_an_ipv6_listener_alone_leaves_ipv4_free(listen):
    assert bind_test("0.0.0.0", port_of(listen("::1"))) is PortState.FREE


def test_a_connection_that_is_closing_leaves_the_port_free(listen):
    server = listen()
    with socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        accepted.close()
    port = port_of(server)
    server.close()
    assert bind_test("127.0.0.1", port) is PortState.FREE


def test_an_address_that_is_not_ours_is_no_address():
    assert bind_test("192.0.2.1", 8000) is PortState.NO_ADDRESS


@needs_ipv6
def test_a_link_local_address_without_its_interface_is_no_address():
    assert bind_test("fe80::1", 8000) is PortState.NO_ADDRESS


def test_a_name_that_only_a_name_server_knows_is_no_address_and_nobody_is_asked(monkeypatch):
    def ask(*args, **more):
        raise AssertionError("a name server was asked")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    assert bind_test("example.invalid", 8000) is PortState.NO_ADDRESS


def test_the_test_leaves_nothing_behind(listen):
    before = os.listdir("/proc/self/fd")
    port = port_of(listen(backlog=0))
    bind_test("127.0.0.1", port)
    for _ in range(3):
        bind_test("localhost", 0)
    assert len(os.listdir("/proc/self/fd")) == len(before) + 1


def test_a_machine_without_ipv6_has_localhost_in_ipv4_only(monkeypatch, listen):
    real = socket.socket

    def without_ipv6(family, kind):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind)

    port = port_of(listen())
    monkeypatch.setattr(bind_module.socket, "socket", without_ipv6)
    assert bind_test("localhost", port) is PortState.TAKEN
    assert bind_test("::1", port) is PortState.NO_ADDRESS


def test_no_descriptor_left_is_not_taken_for_a_state_of_the_port(monkeypatch):
    def exhausted(family, kind):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(bind_module.socket, "socket", exhausted)
    with pytest.raises(OSError, match="Too many open files"):
        bind_test("127.0.0.1", 8000)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user who may not bind low ports")
def test_a_privileged_port_is_reserved_for_an_ordinary_user():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 7:
            pytest.skip("this machine lets everybody bind low ports")
    # The package is imported before the change of user: it may lie where that user cannot read.
    code = "import os; from mamctl.runtime.ports import bind_test; os.setuid(65534); print(bind_test('127.0.0.1', 7))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=10)
    assert shown.stdout == "reserved\n"


def test_literal_addresses_are_spelled_as_the_system_does():
    assert addresses("0:0::1") == (Address(socket.AF_INET6, "::1"),)
    assert addresses("127.0.0.1") == (Address(socket.AF_INET, "127.0.0.1"),)


@pytest.mark.parametrize("text", ["", "1.2.3", "256.1.1.1", "::g", "fe80::1%nosuchinterface", "a\0b"])
def test_what_is_no_address_is_none(text):
    assert address.literal(text) is None


def test_a_scoped_address_carries_its_interface():
    index, name = socket.if_nameindex()[0]
    assert address.literal(f"fe80::1%{name}") == Address(socket.AF_INET6, "fe80::1", index)


def test_names_of_the_hosts_file_are_found_without_regard_to_case(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# comment\n127.0.0.5 box Box.Example # box2\n::5 box\nnonsense box\n\n")
    found = addresses("BOX", hosts_file=str(hosts))
    assert [one.host for one in found] == ["127.0.0.5", "::5"]
    assert addresses("box2", hosts_file=str(hosts)) == ()
    assert addresses("box", hosts_file=str(tmp_path / "none")) == ()
