"""The OpenAPI document of the backend: what a real one answers is what it promises, whatever it is asked."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import schemathesis
from backend_media import clip, picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_client import JPEG, A, LibraryClient, library_client
from running_backend import RunningBackend, running_backend
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from services.backend.app.api.bulk import MEMBERS
from services.backend.app.api.exchange import NDJSON
from services.backend.app.api.filter_query import FIELDS
from services.backend.app.openapi.bodies import ACTIONS
from services.backend.app.openapi.examples import EXAMPLES
from services.backend.app.openapi.operations import OPERATIONS
from tests.dashboard.chromium import chromium, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.system
V = "/api/v1"
TOKEN = "0123456789abcdef01234567"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


def document_of(folder: Path) -> dict[str, Any]:
    """Build the document as the server does."""
    with library_client(folder) as client:
        return client.get(f"{V}/openapi.json").json()


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return document_of(tmp_path_factory.mktemp("described"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    folder = tmp_path_factory.mktemp("whole")
    picture(folder / "media" / "beach.jpg", (64, 48))
    clip(folder / "media" / "train.mp4")
    with running_backend(folder) as server:
        server.wait_until_ready(2)
        yield server


@pytest.fixture(scope="module")
def schema(described: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_dict(described)


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
schemathesis.serializer.alias("application/x-ndjson", "text/plain")

# The others take nothing that could be of a wrong form.
WRONGABLE = [key for key, one in OPERATIONS.items() if one.body or "_id}" in key or "number}" in key or one.parameters]
ANY_TEXT = {"GET /openapi.json", "GET /thumbnails/{name}", "GET /uploads/{upload_id}", "HEAD /uploads/{upload_id}"}
ASKED = [(key, GenerationMode.POSITIVE) for key in OPERATIONS] + [
    (key, GenerationMode.NEGATIVE) for key in WRONGABLE if key not in ANY_TEXT
]


@pytest.mark.parametrize(("key", "mode"), ASKED, ids=[f"{mode.value} {key}" for key, mode in ASKED])
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_is_asked_is_answered_as_promised(
    key: str, mode: GenerationMode, schema: Any, whole: RunningBackend, data: st.DataObject
) -> None:
    method, path = key.split()
    strategy = schema[path][method].as_strategy(generation_mode=mode)
    data.draw(strategy).call_and_validate(base_url=whole.url + V, checks=CHECKS, timeout=10)


def strictly(described: dict[str, Any], key: str, answer: httpx.Response) -> None:
    """Check an answer against the document with every member that is not in it refused."""
    method, path = key.split()
    promised = described["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    if "content" not in promised:
        assert answer.content == b""
        return
    schemas = json.loads(json.dumps(described["components"]["schemas"]))
    for one in schemas.values():
        one["additionalProperties"] = False
    whole = promised["content"]["application/json"]["schema"] | {"components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(whole).validate(answer.json())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryClient]:
    """A library with one of everything."""
    with library_client(tmp_path_factory.mktemp("filled")) as client:
        first = client.add("a.jpg", tags=["alps"], rating=3)
        client.add("b.jpg", JPEG + b"a.jpg")  # the same content as a.jpg
        client.post(f"{V}/collections", json={"name": "Best"})
        client.post(f"{V}/collections/1/assets", json={"add": [first]})
        yield client


@pytest.mark.parametrize(
    ("key", "path", "options", "status"),
    [
        ("GET /assets", "/assets?per_page=1", {}, 200),
        ("GET /assets", "/assets?sort=nothing", {}, 400),
        ("GET /assets/{asset_id}", "/assets/1", {}, 200),
        ("GET /assets/{asset_id}", "/assets/1", {"headers": {"If-Match": '"old"'}}, 412),
        ("GET /assets/{asset_id}", "/assets/999", {}, 404),
        ("POST /assets", "/assets", {"json": {"file_path": "a.jpg"}}, 200),
        ("POST /assets", "/assets", {"json": {"file_path": "none.jpg"}}, 404),
        ("PATCH /assets/{asset_id}", "/assets/1", {"json": {"favorite": True}}, 200),
        ("POST /assets/{asset_id}/reprocess", "/assets/1/reprocess", {}, 202),
        ("POST /assets/{asset_id}/restore", "/assets/1/restore", {}, 200),
        ("DELETE /assets/{asset_id}", "/assets/1?permanent=true&delete_file=true", {}, 409),
        ("POST /assets/bulk", "/assets/bulk", {"json": {"action": "trash", "ids": [1], "dry_run": True}}, 200),
        ("POST /assets/import", "/assets/import", {"content": b"{", "headers": {"Content-Type": NDJSON}}, 200),
        ("GET /assets/duplicates", "/assets/duplicates", {}, 200),
        ("GET /stats", "/stats", {}, 200),
        ("GET /tags", "/tags", {}, 200),
        ("PATCH /tags/{tag_id}", "/tags/1", {"json": {"name": "Alps"}}, 200),
        ("GET /collections", "/collections", {}, 200),
        ("GET /collections/{number}", "/collections/1", {}, 200),
        ("POST /collections", "/collections", {"json": {"name": "Best"}}, 409),
        ("POST /collections/{number}/assets", "/collections/1/assets", {"json": {"remove": [2]}}, 200),
        ("GET /events", "/events", {}, 200),
        ("GET /events", "/events?epoch=another", {}, 410),
        ("POST /scan", "/scan", {}, 202),
        ("GET /jobs", "/jobs", {}, 200),
        ("GET /jobs/{job_id}", "/jobs/1", {}, 200),
        ("POST /jobs/{job_id}/retry", "/jobs/1/retry", {}, 409),
        ("POST /jobs/retry", "/jobs/retry", {}, 202),
        ("POST /jobs/pause", "/jobs/pause", {}, 200),
        ("POST /jobs/resume", "/jobs/resume", {}, 200),
        ("GET /health/status", "/health/status", {}, 200),
        ("GET /health/websocket", "/health/websocket", {}, 200),
        ("GET /health/live", "/health/live", {}, 200),
        ("GET /health/processing", "/health/processing", {}, 503),
        ("GET /assets", "/assets", {"headers": {"Host": "evil.example"}}, 421),
        ("POST /jobs/retry", "/jobs/retry", {"headers": {"Origin": "http://evil.example"}}, 403),
        ("POST /uploads", "/uploads", {"headers": {"Tus-Resumable": "0.2"}}, 412),
        ("GET /uploads/{upload_id}", "/uploads/none", {}, 404),
        ("GET /assets/{asset_id}/stream", "/assets/1/stream", {"headers": {"Range": "bytes=999-"}}, 416),
    ],
)
def test_no_member_of_an_answer_is_missing_from_the_document(
    described: dict[str, Any], filled: LibraryClient, key: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = filled.request(key.split(maxsplit=1)[0], V + path, **options)
    assert answer.status_code == status
    strictly(described, key, answer)


def test_an_upload_is_answered_as_promised(described: dict[str, Any], filled: LibraryClient) -> None:
    name = base64.b64encode(b"new.jpg").decode()
    headers = {"Upload-Length": "40", "Upload-Metadata": f"filename {name}"}
    place = filled.post(f"{V}/uploads", headers=headers).headers["location"]
    strictly(described, "GET /uploads/{upload_id}", filled.get(place))


def test_a_token_that_is_needed_is_named(tmp_path: Path, described: dict[str, Any]) -> None:
    assert described["security"] == []
    with library_client(tmp_path, api_token=TOKEN) as client:
        answer = client.get(A)
        assert answer.status_code == 401
        strictly(described, "GET /assets", answer)
        guarded = client.get(f"{V}/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert guarded["security"] == [{"bearer": []}, {"cookie": []}]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_one(described: dict[str, Any], name: str) -> None:
    schemas = described["components"]["schemas"]
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(whole).validate(EXAMPLES[name])


def test_every_filter_and_every_limit_that_the_parser_knows_is_told(described: dict[str, Any]) -> None:
    told = {one["name"] for one in described["paths"]["/assets"]["get"]["parameters"]}
    assert told == FIELDS | {"page", "cursor", "per_page", "sort", "order"}
    bulk = described["paths"]["/assets/bulk"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert bulk["properties"].keys() == MEMBERS
    assert bulk["properties"]["selection"]["properties"]["filter"]["properties"].keys() == FIELDS


def test_every_action_that_is_told_is_one(described: dict[str, Any], filled: LibraryClient) -> None:
    refused = filled.post(f"{A}/bulk", json={"action": "no", "ids": [1]}).json()["error"]
    assert refused == f"action must be one of: {', '.join(sorted(ACTIONS))}"


def test_the_document_is_kept_until_it_changes(filled: LibraryClient) -> None:
    etag = filled.get(f"{V}/openapi.json").headers["etag"]
    again = filled.get(f"{V}/openapi.json", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_needs_no_script_and_nothing_from_elsewhere(filled: LibraryClient) -> None:
    answer = filled.get(f"{V}/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r"<script|\bstyle=|src=|https?://", answer.text)
    for key in OPERATIONS:
        method, path = key.split()
        assert f"<b>{method}</b> <code>{path}</code>" in answer.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_reads_well_in_a_browser(filled: LibraryClient, scheme: str) -> None:
    if program() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from axe_playwright_python.sync_playwright import Axe

    with chromium() as browser:
        page = browser.new_page(color_scheme=scheme)
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        page.goto(f"{filled.base_url}{V}/docs")
        page.locator("#list_assets summary").click()
        assert page.locator("#list_assets th", has_text="min_rating").is_visible()
        assert Axe().run(page).response["violations"] == []
        assert refused == []
