"""The pure parts, without a server."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from api_contract import SPEC, resolved, validate
from swagger_server.backend_client import Answer
from swagger_server.backend_probe import FRESH_SECONDS, BackendProbe
from swagger_server.config import ConfigError, Settings
from swagger_server.errors import ApiError


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    assert Settings.from_environment({}) == Settings("127.0.0.1", 8080, "http://127.0.0.1:5001", 2.0, 5.0, "INFO")


def test_localhost_means_the_literal_address() -> None:
    assert Settings.from_environment({"HOST": "localhost"}).host == "127.0.0.1"


def test_a_trailing_slash_of_the_backend_url_does_not_matter() -> None:
    assert Settings.from_environment({"BACKEND_URL": "http://127.0.0.1:1/"}).backend_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "0.0.0.0"),
        ("HOST", "example.org"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8080 "),
        ("PORT", "٨"),
        ("BACKEND_URL", "127.0.0.1:5001"),
        ("BACKEND_URL", "http://"),
        ("BACKEND_URL", "http://127.0.0.1:99999"),
        ("BACKEND_URL", "http://127.0.0.1:5001/api/v1"),
        ("BACKEND_URL", "http://user:secret@127.0.0.1:5001"),
        ("BACKEND_CONNECT_TIMEOUT", "0"),
        ("BACKEND_CONNECT_TIMEOUT", "nan"),
        ("BACKEND_READ_TIMEOUT", "inf"),
        ("LOG_LEVEL", "trace"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_no_secret_is_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        Settings.from_environment({name: value})
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_the_example_environment_is_the_defaults() -> None:
    from running_api import API

    lines = (API / ".env.example").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert Settings.from_environment(variables) == Settings()


class CountedBackend:
    """Stands in for the client: answers or fails as told, and counts."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked = 0

    async def get(self, _path: str) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is None:
            raise ApiError(503, "BACKEND_UNAVAILABLE", "down", "start it")
        return self.answer


HEALTHY = Answer(200, {"status": "healthy"})


def test_callers_that_come_together_share_one_look_at_the_backend() -> None:
    backend = CountedBackend(HEALTHY)

    async def twenty() -> list[bool]:
        probe = BackendProbe(backend, clock=lambda: 1000.0)
        return await asyncio.gather(*(probe.reachable() for _ in range(20)))

    assert asyncio.run(twenty()) == [True] * 20
    assert backend.asked == 1


def test_the_state_is_looked_up_again_once_it_is_stale() -> None:
    backend = CountedBackend(HEALTHY)
    now = 1000.0

    async def story() -> Iterator[bool]:
        nonlocal now
        probe = BackendProbe(backend, clock=lambda: now)
        before = await probe.reachable()
        backend.answer = None
        still_fresh = await probe.reachable()
        now += FRESH_SECONDS
        return before, still_fresh, await probe.reachable()

    assert asyncio.run(story()) == (True, True, False)


@pytest.mark.parametrize(
    ("answer", "reachable"),
    [
        (Answer(503, {"status": "unhealthy"}), True),
        (Answer(200, None), False),
        (Answer(200, {"error": "Unexpected endpoint"}), False),
        (Answer(404, {"status": "healthy"}), False),
        (None, False),
    ],
)
def test_who_answers_counts_not_that_somebody_answers(answer: Answer | None, *, reachable: bool) -> None:
    async def look() -> bool:
        return await BackendProbe(CountedBackend(answer), clock=lambda: 1000.0).reachable()

    assert asyncio.run(look()) is reachable


def _media(node: Any) -> Iterator[dict[str, Any]]:
    """Walk the specification for everything that has a schema and examples beside it."""
    if isinstance(node, dict):
        if "schema" in node and ("example" in node or "examples" in node):
            yield node
        for value in node.values():
            yield from _media(value)
    if isinstance(node, list):
        for value in node:
            yield from _media(value)


def test_every_example_in_the_specification_fits_its_schema() -> None:
    found = list(_media(SPEC))
    assert len(found) >= 8
    for media in found:
        examples = [resolved(each)["value"] for each in media.get("examples", {}).values()]
        for example in [*examples, *([media["example"]] if "example" in media else [])]:
            validate(example, media["schema"])


def test_every_operation_documents_its_success_and_its_refusal_of_strange_hosts() -> None:
    for path, methods in SPEC["paths"].items():
        for operation in methods.values():
            assert {"200", "403", "500"} <= operation["responses"].keys(), path
            assert operation["summary"]
            assert operation["operationId"]
