import pytest
from running_backend import RunningBackend

pytestmark = pytest.mark.system

FRONTEND = "http://127.0.0.1:3001"
PATHS = ["/api/v1/assets", "/api/v1/health/status", "/thumbnails/1.jpg", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", ""])
def test_a_foreign_host_is_a_421_on_every_route(library: RunningBackend, path, host):
    response = library.get(path, headers={"Host": host})
    assert response.status_code == 421
    assert set(response.json()) == {"error", "timestamp"}


@pytest.mark.parametrize("host", ["localhost", "localhost:5001", "[::1]:5001"])
def test_our_own_names_are_answered(library, host):
    assert library.get("/api/v1/assets", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(library, path):
    headers = library.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-site"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["vary"] == "Origin"
    assert "server" not in headers


def test_the_frontend_may_read_and_others_may_not(library):
    ours = library.get("/api/v1/assets", headers={"Origin": FRONTEND})
    assert ours.headers["access-control-allow-origin"] == FRONTEND
    other = library.get("/api/v1/assets", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_preflight_is_granted_to_the_frontend_only(library):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    granted = library.request("OPTIONS", "/api/v1/assets", headers={"Origin": FRONTEND, **asked})
    assert granted.status_code == 200
    assert "POST" in granted.headers["access-control-allow-methods"]
    refused = library.request("OPTIONS", "/api/v1/assets", headers={"Origin": "http://evil.example", **asked})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_foreign_page_cannot_change_anything(library, origin):
    asset = library.asset("beach.jpg")
    for method, path in (("POST", "/api/v1/assets"), ("DELETE", f"/api/v1/assets/{asset['id']}")):
        response = library.request(method, path, headers={"Origin": origin}, json={"file_path": "beach.jpg"})
        assert response.status_code == 403
    assert library.get(f"/api/v1/assets/{asset['id']}").status_code == 200
