import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamctl.core.manifest.model import HttpProbe, Probe
from mamctl.runtime.ports import PortState, bind_test
from mamctl.runtime.probes import Context, Prober
from mamctl.runtime.probes.http import LARGEST_BODY, Answer, judge, target
from tests.runtime.probes.servers import HERE, response, serving

SOON = 0.05


def ask(url, *, status=(200,), expected=None, timeout=5.0):
    check = HttpProbe(url, status, None if expected is None else json.dumps(expected))
    return Prober().check(Probe(check, timeout=timeout), Context())


async def answer_to(*pieces, path="/", **wanted):
    server_options = {key: wanted.pop(key) for key in ("drip", "close") if key in wanted}
    async with serving(*pieces, **server_options) as server:
        return await ask(f"http://{HERE}:{server.port}{path}", **wanted)


def closed_port():
    with socket.socket() as one:
        one.bind((HERE, 0))
        return one.getsockname()[1]


def test_a_200_is_good():
    outcome = asyncio.run(answer_to(response(b"fine")))
    assert (outcome.ok, outcome.detail, outcome.answered) == (True, "HTTP 200", True)
    assert 0 < outcome.latency < 5


def test_the_request_is_plain_and_closes_its_connection():
    async def scenario():
        async with serving(response()) as server:
            await ask(f"http://{HERE}:{server.port}/live/now?deep=1&name=grün")
            return server.port, server.requests

    port, (request,) = asyncio.run(scenario())
    assert request.startswith(b"GET /live/now?deep=1&name=gr%C3%BCn HTTP/1.1\r\n")
    assert f"Host: {HERE}:{port}\r\n".encode() in request
    assert b"Connection: close\r\n" in request


def test_a_user_in_the_url_is_sent_along():
    assert (b"authorization", b"Basic bWU6c2VjcmV0IQ==") in target("http://me:secret%21@box/").request.headers


def test_another_status_is_bad_and_named():
    outcome = asyncio.run(answer_to(response(b"starting", 503)))
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "HTTP 503", True)


def test_a_status_that_is_expected_is_good_whatever_it_is():
    assert asyncio.run(answer_to(response(b"", 404), status=(200, 404))).ok


def test_a_redirect_is_judged_and_not_followed():
    outcome = asyncio.run(answer_to(response(b"", 302, Location="http://127.0.0.1:1/")))
    assert (outcome.ok, outcome.detail) == (False, "HTTP 302")


def test_nobody_there_is_a_refused_connection():
    outcome = asyncio.run(ask(f"http://{HERE}:{closed_port()}/"))
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "connection refused", False)


def test_a_body_with_the_expected_subset_is_good():
    body = json.dumps({"status": "healthy", "services": {"db": True, "cache": False}, "version": 3}).encode()
    expected = {"status": "healthy", "services": {"db": True}, "version": 3.0}
    assert asyncio.run(answer_to(response(body), expected=expected)).ok


def test_a_body_with_another_value_is_bad_and_says_which():
    outcome = asyncio.run(answer_to(response(b'{"status": "starting"}'), expected={"status": "healthy"}))
    assert outcome.detail == 'HTTP 200, but json.status is "starting"'


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5000])
def test_a_body_that_is_not_json_is_bad_and_says_so(body):
    outcome = asyncio.run(answer_to(response(body), expected={"status": "healthy"}))
    assert outcome.answered
    assert outcome.detail in ("HTTP 200, but its body is not JSON", f"HTTP 200, but json is {'1' * 77}...")


def test_a_status_counts_before_the_body():
    outcome = asyncio.run(answer_to(response(b'{"status": "healthy"}', 500), expected={"status": "healthy"}))
    assert outcome.detail == "HTTP 500"


def test_a_body_in_chunks_is_put_together():
    pieces = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b'9\r\n{"status"\r\n',
        b'b\r\n: "healthy"\r\n',
        b"1\r\n}\r\n0\r\n\r\n",
    )
    assert asyncio.run(answer_to(*pieces, expected={"status": "healthy"})).ok


def test_a_body_that_ends_with_the_connection_is_whole():
    assert asyncio.run(answer_to(b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}', expected={"a": 1})).ok


def test_a_server_that_keeps_the_connection_open_is_not_waited_for():
    assert asyncio.run(answer_to(response(b"{}"), expected={}, close=False)).ok


def test_an_interim_answer_is_passed_over():
    assert asyncio.run(answer_to(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response())).ok


def test_a_server_that_says_nothing_is_given_up_at_the_deadline():
    async def scenario():
        return await answer_to(b"", close=False, timeout=SOON)

    outcome = asyncio.run(scenario())
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "no answer within 0.05 s", False)
    assert outcome.latency < 1


def test_a_port_that_accepts_and_never_serves_is_given_up_too():
    with socket.create_server((HERE, 0), backlog=1) as silent:
        outcome = asyncio.run(ask(f"http://{HERE}:{silent.getsockname()[1]}/", timeout=SOON))
    assert outcome.detail == "no answer within 0.05 s"


def test_a_server_that_drips_is_given_up_at_the_deadline():
    slow = b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000
    outcome = asyncio.run(answer_to(slow, drip=0.001, timeout=SOON))
    assert (outcome.detail, outcome.answered) == ("no answer within 0.05 s", True)
    assert outcome.latency < 1


def test_a_body_that_does_not_end_in_time_is_bad():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    outcome = asyncio.run(answer_to(head, close=False, timeout=SOON))
    assert (outcome.ok, outcome.detail) == (False, "HTTP 200, but its body did not end within 0.05 s")


def test_a_wrong_status_is_told_even_when_its_body_does_not_end():
    head = b"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf"
    assert asyncio.run(answer_to(head, close=False, timeout=SOON)).detail == "HTTP 503"


def test_a_body_that_breaks_off_is_bad():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    outcome = asyncio.run(answer_to(head))
    assert (outcome.ok, outcome.detail) == (False, "HTTP 200, but its body broke off")


def test_a_connection_that_is_closed_at_once_is_no_answer():
    outcome = asyncio.run(answer_to(b""))
    assert (outcome.answered, outcome.detail) == (False, "the connection was closed without an answer")


def test_a_connection_that_is_reset_is_no_answer():
    async def scenario():
        loop = asyncio.get_running_loop()
        with socket.create_server((HERE, 0)) as listener:
            listener.setblocking(False)
            asking = asyncio.ensure_future(ask(f"http://{HERE}:{listener.getsockname()[1]}/"))
            peer, _ = await loop.sock_accept(listener)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            peer.close()
            return await asking

    outcome = asyncio.run(scenario())
    assert (outcome.ok, outcome.answered) == (False, False)


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 100, b"HTTP/1.1 abc\r\n\r\n", b"\xff\r\n\r\n"])
def test_an_answer_that_is_not_http_is_somebody_else(garbage):
    outcome = asyncio.run(answer_to(garbage))
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "the answer is not HTTP", True)


def test_headers_without_end_are_not_read_for_ever():
    endless = b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 10_000
    outcome = asyncio.run(answer_to(endless, close=False))
    assert (outcome.detail, outcome.answered) == ("the answer is not HTTP", True)


def test_a_huge_body_is_read_no_further_than_the_bound():
    async def scenario(expected):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        return await answer_to(head, *[b"x" * LARGEST_BODY] * 3, close=False, expected=expected)

    assert asyncio.run(scenario(None)).ok
    assert asyncio.run(scenario({})).detail == "HTTP 200, but its body is over 1 MiB"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_answer_makes_the_probe_raise(data):
    outcome = judge(HttpProbe("http://box/", json="{}"), _answer(200, data))
    assert outcome.answered


def _answer(status, body):
    made = Answer()
    made.status, made.heard = status, True
    made.body += body
    return made


@pytest.mark.skipif(bind_test("::1", 0) is not PortState.FREE, reason="this machine has no IPv6 loopback")
def test_an_ipv6_server_is_reached_by_its_address_and_as_localhost():
    async def scenario():
        async with serving(response(), host="::1") as server:
            one = await ask(f"http://[::1]:{server.port}/")
            other = await ask(f"http://localhost:{server.port}/")
            return one.ok, other.ok

    assert asyncio.run(scenario()) == (True, True)


def test_a_literal_address_asks_no_name_server(monkeypatch):
    def refuse(*args, **more):
        raise AssertionError("a name server was asked")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", refuse)
    assert asyncio.run(ask(f"http://{HERE}:{closed_port()}/")).detail == "connection refused"


def test_other_names_are_looked_up_within_the_deadline(monkeypatch):
    async def found(self, host, port, **more):
        assert host == "box.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, 0))]

    async def unknown(self, host, port, **more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def scenario():
        async with serving(response()) as server:
            return await ask(f"http://box.example:{server.port}/")

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "getaddrinfo", found)
        assert asyncio.run(scenario()).ok
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", unknown)
    assert asyncio.run(ask("http://box.example/")).detail == "no such host"


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{HERE}:{closed_port()}")
    assert asyncio.run(answer_to(response())).ok


@pytest.mark.parametrize("url", ["ftp://box/", "box:80", "http://", "http://box:99999/", "http://b\nx:y/"])
def test_what_is_no_http_url_is_said_to_be_none(url):
    outcome = asyncio.run(ask(url))
    assert (outcome.ok, outcome.answered) == (False, False)
    assert outcome.detail.startswith("not an http URL: ")


def test_no_descriptor_is_left_open_by_any_ending():
    async def scenario():
        before = len(os.listdir("/proc/self/fd"))
        for pieces, close in (((response(),), True), ((b"garbage\r\n\r\n",), True), ((b"HTTP/1.1 ",), False)):
            await answer_to(*pieces, close=close, timeout=SOON)
        return len(os.listdir("/proc/self/fd")) - before

    assert asyncio.run(scenario()) == 0


def test_a_check_that_is_cancelled_hangs_up():
    async def scenario():
        async with serving(b"HTTP/1.1 200 OK\r\n", close=False) as server:
            asking = asyncio.ensure_future(ask(f"http://{HERE}:{server.port}/"))
            await server.asked.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.hung_up.wait(), 5)

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that nobody but its own server trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    pem = str(tmp_path_factory.mktemp("tls") / "self-signed.pem")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=elsewhere"]
    command = ["openssl", "req", *kind, "-days", "2", "-keyout", pem, "-out", pem + ".crt"]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return pem + ".crt", pem


def test_an_https_server_with_a_certificate_of_its_own_is_asked(certificate):
    async def scenario():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        async with serving(response(b'{"status": "healthy"}'), tls=context) as server:
            return await ask(f"https://{HERE}:{server.port}/", expected={"status": "healthy"})

    outcome = asyncio.run(scenario())
    assert (outcome.ok, outcome.detail) == (True, "HTTP 200")


def test_https_to_a_server_that_speaks_plain_http_is_bad():
    async def scenario():
        async def refuse(reader, writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(refuse, HERE, 0) as listener:
            return await ask(f"https://{HERE}:{listener.sockets[0].getsockname()[1]}/")

    outcome = asyncio.run(scenario())
    assert not outcome.ok
    assert outcome.detail.startswith("the TLS handshake failed: ")
    assert outcome.answered
