import asyncio
import socket

import pytest

from mamctl.core.manifest.model import Probe, TcpProbe
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.probes import Context, Prober, connection
from tests.scripted import misbehaving

HERE = "127.0.0.1"


def ask(port, host=HERE, timeout=5.0):
    return asyncio.run(Prober().check(Probe(TcpProbe(host, port), timeout=timeout), Context()))


@pytest.fixture
def bound():
    """A socket with a port of its own on which nobody listens."""
    with socket.socket() as one:
        one.bind((HERE, 0))
        yield one


def test_an_accepted_connection_is_good():
    with misbehaving("--port", 0) as service:
        outcome = ask(service.port())
    assert (outcome.ok, outcome.detail, outcome.answered) == (True, "connected", True)


def test_nobody_there_is_a_refused_connection(bound):
    outcome = ask(bound.getsockname()[1])
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "connection refused", False)


def test_localhost_is_reached_on_either_loopback():
    if bind_test("::1", 0) is not PortState.FREE:
        pytest.skip("this machine has no IPv6 loopback")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert ask(port, "localhost").ok
        assert not ask(port, HERE).ok


def test_a_full_backlog_is_given_up_at_the_deadline():
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        fillers = []
        try:
            for _ in range(3):
                filler = socket.socket()
                fillers.append(filler)
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            outcome = ask(server.getsockname()[1], timeout=0.05)
        finally:
            for filler in fillers:
                filler.close()
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "no answer within 0.05 s", False)


def test_an_address_without_a_way_to_it_is_said_in_words():
    outcome = ask(80, "255.255.255.255")
    assert (outcome.ok, outcome.answered) == (False, False)
    assert outcome.detail in ("network is unreachable", "permission denied")


def test_a_connection_that_leads_to_itself_is_known(bound):
    # The kernel does this by chance to a probe of an unused port of the local range.
    bound.connect(bound.getsockname())
    assert connection.is_to_itself(bound)


def test_a_connection_to_itself_counts_as_refused(monkeypatch):
    monkeypatch.setattr(connection, "is_to_itself", lambda connected: True)
    with misbehaving("--port", 0) as service:
        assert ask(service.port()).detail == "connection refused"


def test_a_connection_that_was_reset_meanwhile_led_to_somebody(bound):
    assert not connection.is_to_itself(bound)
