"""What the supervisor may rely on, of the real prober and of the fake one alike."""

import asyncio
import socket

import pytest

from mamctl.core.manifest.model import HttpProbe, Probe
from mamctl.runtime.probes import Context, Prober
from tests.runtime.probes.fake import GOOD, WRONG, FakeProber
from tests.runtime.probes.servers import HERE, response, serving


class RealWorld:
    """Services that really run."""

    def __init__(self):
        self.prober = Prober()

    def healthy(self):
        return serving(response())

    def sick(self):
        return serving(response(status=503))

    def silent(self):
        return serving(close=False)

    def absent(self):
        return _Absent()


class FakeWorld:
    """The same, scripted."""

    def __init__(self):
        self.prober = FakeProber()

    def healthy(self):
        return _Told(lambda check: self.prober.set(check, GOOD), self.prober)

    def sick(self):
        return _Told(lambda check: self.prober.set(check, WRONG), self.prober)

    def silent(self):
        return _Told(self.prober.silence, self.prober)

    def absent(self):
        return _Told(lambda check: None, self.prober)


class _Told:
    port = 1

    def __init__(self, tell, prober):
        tell(check_of(self.port))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


class _Absent:
    async def __aenter__(self):
        with socket.socket() as one:
            one.bind((HERE, 0))
            self.port = one.getsockname()[1]
        return self

    async def __aexit__(self, *error):
        return None


def check_of(port):
    return HttpProbe(f"http://{HERE}:{port}/")


@pytest.fixture(params=[RealWorld, FakeWorld], ids=["real", "fake"])
def world(request):
    return request.param()


def ask(world, situation, timeout=5.0):
    async def scenario():
        async with situation as service:
            return await world.prober.check(Probe(check_of(service.port), timeout=timeout), Context())

    return asyncio.run(scenario())


def test_a_healthy_service_is_good_and_answered(world):
    outcome = ask(world, world.healthy())
    assert outcome.ok
    assert outcome.answered
    assert outcome.detail
    assert outcome.latency >= 0


def test_a_sick_service_is_bad_but_answered(world):
    outcome = ask(world, world.sick())
    assert (outcome.ok, outcome.answered, outcome.detail) == (False, True, "HTTP 503")


def test_an_absent_service_is_bad_and_did_not_answer(world):
    outcome = ask(world, world.absent())
    assert (outcome.ok, outcome.answered, outcome.detail) == (False, False, "connection refused")


def test_a_silent_service_is_bad_at_the_deadline_and_not_before(world):
    outcome = ask(world, world.silent(), timeout=0.03)
    assert (outcome.ok, outcome.answered, outcome.detail) == (False, False, "no answer within 0.03 s")
    assert outcome.latency >= 0.03


def test_a_check_can_be_cancelled(world):
    async def scenario():
        async with world.silent() as service:
            asking = asyncio.ensure_future(world.prober.check(Probe(check_of(service.port)), Context()))
            await asyncio.wait({asking}, timeout=0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(scenario())


def test_many_checks_run_at_once(world):
    async def scenario():
        async with world.healthy() as service:
            probe = Probe(check_of(service.port))
            return await asyncio.gather(*(world.prober.check(probe, Context()) for _ in range(20)))

    assert all(outcome.ok for outcome in asyncio.run(scenario()))
