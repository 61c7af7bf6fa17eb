from urllib.parse import parse_qs, urlsplit

import pytest
from api_contract import assert_error, assert_keeps
from api_fake_backend import ASSET, FakeBackend, Handler
from running_api import RunningApi

pytestmark = pytest.mark.system

LIST = "/api/v1/assets"
ONE = "/api/v1/assets/{asset_id}"


def test_the_list_is_what_the_backend_has(api: RunningApi) -> None:
    body = assert_keeps(api.client.get(LIST), LIST)
    assert body["items"] == [ASSET]
    assert body["meta"]["total"] == 1


def test_an_asset_is_what_the_backend_has_with_its_thumbnail_relative(api: RunningApi) -> None:
    body = assert_keeps(api.client.get(f"{LIST}/1"), ONE)
    assert body == ASSET
    assert body["media_metadata"]["thumbnail_url"] == "/thumbnails/1a2b3c.jpg"


def test_the_filters_reach_the_backend(api: RunningApi, backend: FakeBackend) -> None:
    sent = {"page": "2", "per_page": "10", "q": "a & b/ü", "type": "video", "sort": "title", "order": "asc"}
    assert_keeps(api.client.get(LIST, params=sent), LIST)
    asked = urlsplit(backend.requests[0])
    assert asked.path == LIST
    assert {name: values[0] for name, values in parse_qs(asked.query).items()} == sent


def test_the_first_page_of_fifty_is_the_default(api: RunningApi, backend: FakeBackend) -> None:
    api.client.get(LIST)
    assert parse_qs(urlsplit(backend.requests[0]).query) == {"page": ["1"], "per_page": ["50"]}


def test_a_missing_asset_is_a_404_that_names_it(api: RunningApi) -> None:
    response = api.client.get(f"{LIST}/999")
    assert_keeps(response, ONE)
    assert assert_error(response, 404, "ASSET_NOT_FOUND")["context"] == {"asset_id": 999}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("page=0", "page"),
        ("page=two", "page"),
        ("page=1.5", "page"),
        ("page=9999999999999999999999", "page"),
        ("per_page=0", "per_page"),
        ("per_page=201", "per_page"),
        ("type=audio", "type"),
        ("sort=color", "sort"),
        ("order=up", "order"),
        ("q=", "q"),
        ("q=a%00b", "q"),
        (f"q={'x' * 201}", "q"),
        ("colour=red", "colour"),
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it_and_never_reaches_the_backend(
    api: RunningApi, backend: FakeBackend, query: str, named: str
) -> None:
    response = api.client.get(f"{LIST}?{query}")
    assert_keeps(response, LIST)
    body = assert_error(response, 400, "INVALID_REQUEST")
    assert named in body["error"]
    assert len(body["error"]) < 300
    assert backend.requests == []


@pytest.mark.parametrize("asset_id", ["0", "-1", "99999999999999999999"])
def test_an_id_out_of_range_is_a_400(api: RunningApi, backend: FakeBackend, asset_id: str) -> None:
    response = api.client.get(f"{LIST}/{asset_id}")
    assert_keeps(response, ONE)
    assert_error(response, 400, "INVALID_REQUEST")
    assert backend.requests == []


@pytest.mark.parametrize("asset_id", ["one", "1.5", "..%2f..%2fetc", "1/stream"])
def test_an_id_that_is_no_number_is_no_path_of_this_api(api: RunningApi, backend: FakeBackend, asset_id: str) -> None:
    assert_error(api.client.get(f"{LIST}/{asset_id}"), 404, "NOT_FOUND")
    assert backend.requests == []


def test_the_backend_s_own_400_passes_with_its_sentence(api: RunningApi, backend: FakeBackend) -> None:
    backend.behaviour = lambda request: request.answer(400, {"error": "q is too short", "timestamp": "now"})
    body = assert_error(api.client.get(LIST), 400, "INVALID_REQUEST")
    assert body["error"] == "q is too short"


@pytest.mark.parametrize("status", [429, 503])
def test_a_backend_that_cannot_serve_now_is_a_503(api: RunningApi, backend: FakeBackend, status: int) -> None:
    backend.behaviour = lambda request: request.answer(status, {"error": "starting"})
    response = api.client.get(LIST)
    assert_keeps(response, LIST)
    assert assert_error(response, 503, "BACKEND_UNAVAILABLE")["error"] == "starting"


def test_a_connection_that_the_backend_closed_meanwhile_is_replaced(api: RunningApi, backend: FakeBackend) -> None:
    def answer_once_and_hang_up(request: Handler) -> None:
        request.answer(200, ASSET)
        # Without a "Connection: close": the client learns of it only when it uses the connection again.
        request.close_connection = True

    backend.behaviour = answer_once_and_hang_up
    for _ in range(5):
        assert api.client.get(f"{LIST}/1").status_code == 200
