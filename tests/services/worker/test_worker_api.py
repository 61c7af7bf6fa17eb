"""Jobs, scans, viewports and sprites, as a client meets them."""

import json
import os
import re

import httpx
import pytest
from backend_media import clip, picture
from PIL import Image
from running_backend import outcome, running_backend, wait_for
from websockets.sync.client import connect

pytestmark = pytest.mark.system

JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A backend without a worker: what is queued stays queued. Three pictures, one of them registered first."""
    folder = tmp_path_factory.mktemp("quiet")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(folder / "media" / name)
    with running_backend(folder, worker=False) as server:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            server.add(name)
        yield server


def post(server, path: str, **options) -> httpx.Response:
    return server.request("POST", path, **options)


def job_of(server, path: str) -> dict:
    asset = server.asset(path)["id"]
    return next(job for job in server.get(JOBS).json()["items"] if job["asset_id"] == asset)


def test_jobs_are_listed_counted_and_paged(quiet):
    body = quiet.get(JOBS, params={"limit": 2, "kind": "metadata"}).json()
    assert len(body["items"]) == 2
    assert body["meta"]["counts"]["metadata"]
    rest = quiet.get(JOBS, params={"limit": 2, "kind": "metadata", "before": body["meta"]["next_before"]}).json()
    assert len(rest["items"]) == 1
    assert rest["meta"]["next_before"] is None
    assert {"id", "kind", "state", "asset_id", "attempts", "error", "progress"} <= set(body["items"][0])


@pytest.mark.parametrize("query", ["state=lost", "kind=what", "limit=0", "limit=1000", "before=x"])
def test_a_bad_query_is_a_400(quiet, query):
    assert quiet.get(f"{JOBS}?{query}").status_code == 400


def test_a_job_can_be_paused_cancelled_and_retried(quiet):
    job = job_of(quiet, "a.jpg")["id"]
    assert post(quiet, f"{JOBS}/{job}/pause").json()["state"] == "paused"
    assert post(quiet, f"{JOBS}/{job}/pause").status_code == 409
    assert post(quiet, f"{JOBS}/{job}/retry").json()["state"] == "queued"
    assert post(quiet, f"{JOBS}/{job}/cancel").json()["state"] == "cancelled"
    assert quiet.asset("a.jpg")["status"] == "failed"
    assert post(quiet, f"{JOBS}/{job}/cancel").status_code == 409
    assert post(quiet, f"{JOBS}/{job}/retry").status_code == 202
    assert quiet.asset("a.jpg")["status"] == "queued"
    assert quiet.get(f"{JOBS}/{job}").json()["state"] == "queued"


@pytest.mark.parametrize("path", [f"{JOBS}/999999", f"{JOBS}/{2**70}", f"{JOBS}/999999/retry"])
def test_a_job_that_is_not_there_is_a_404(quiet, path):
    method = "POST" if path.endswith("retry") else "GET"
    assert quiet.request(method, path).status_code == 404


def test_the_whole_queue_can_be_paused_and_resumed(quiet):
    assert post(quiet, f"{JOBS}/pause").json() == {"paused": True}
    assert quiet.get("/api/v1/health/processing").json()["paused"] is True
    assert post(quiet, f"{JOBS}/resume").json() == {"paused": False}


def test_a_scan_is_a_job_and_the_same_one_is_not_asked_for_twice(quiet):
    first = post(quiet, "/api/v1/scan", json={"folder": "trips/2020"})
    assert first.status_code == 202
    assert first.headers["location"] == f"{JOBS}/{first.json()['id']}"
    assert post(quiet, "/api/v1/scan", json={"folder": "trips/2020/"}).json()["id"] == first.json()["id"]
    assert post(quiet, f"{JOBS}/{first.json()['id']}/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    "body", [{"folder": "../x"}, {"folder": "/etc"}, {"folder": 7}, {"accept_missing": "yes"}, {"what": 1}, []]
)
def test_a_scan_of_anything_else_is_a_400_that_repeats_no_path(quiet, body):
    answer = post(quiet, "/api/v1/scan", json=body)
    assert answer.status_code == 400
    assert "/etc" not in answer.text


def test_what_a_client_looks_at_goes_first(quiet):
    wanted = quiet.asset("a.jpg")["id"]
    with connect(quiet.ws, proxy=None) as client:
        client.recv(timeout=5)
        client.send(json.dumps({"type": "viewport", "ids": [wanted]}))
        wait_for(lambda: job_of(quiet, "a.jpg")["priority"] == 0, "its job is before all others")
    assert job_of(quiet, "b.jpg")["priority"] > 0


def test_a_scan_that_is_asked_for_is_done_and_says_what_it_found(folder):
    with running_backend(folder) as server:
        wait_for(lambda: server.get("/api/v1/health/processing").json()["roots"][0]["scanned_at"], "the first scan")
        picture(folder / "media" / "trips" / "new.png")
        job = post(server, "/api/v1/scan", json={"folder": "trips"}).json()["id"]
        done = wait_for(
            lambda: body if (body := server.get(f"{JOBS}/{job}").json())["state"] == "done" else None, "the scan"
        )
        assert (done["result"]["files"], done["result"]["created"]) == (1, 1)
        server.wait_until_ready(1)


def test_many_missing_files_put_the_root_offline_until_somebody_accepts_it(folder):
    for number in range(15):
        (folder / "media").mkdir(exist_ok=True)
        Image.new("RGB", (8 + number, 8)).save(folder / "media" / f"{number}.png")
    with running_backend(folder) as server:
        server.wait_until_ready(15)
        for path in (folder / "media").iterdir():
            path.unlink()
        job = post(server, "/api/v1/scan").json()["id"]
        failed = wait_for(
            lambda: body if (body := server.get(f"{JOBS}/{job}").json())["state"] == "failed" else None, "the doubt"
        )
        assert "15 of 15 files are missing" in failed["error"]
        processing = server.get("/api/v1/health/processing")
        assert (processing.status_code, processing.json()["roots"][0]["status"]) == (503, "offline")
        assert server.get("/api/v1/health/status").json()["services"]["file_system"] is False
        assert len(server.assets(status="ready")) == 15
        post(server, "/api/v1/scan", json={"accept_missing": True})
        wait_for(lambda: len(server.assets(status="offline")) == 15, "they are offline one by one")
        assert server.get("/api/v1/health/processing").json()["roots"][0]["status"] == "online"


def test_a_failed_file_says_why_and_a_retry_tries_it_again(folder):
    (folder / "media" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    with running_backend(folder) as server:
        asset = wait_for(lambda: server.assets(status="failed"), "it failed")[0]
        assert asset["error"]
        job = server.get(JOBS, params={"state": "failed"}).json()["items"][0]
        assert (job["asset_id"], job["error"]) == (asset["id"], asset["error"])
        picture(folder / "media" / "a.jpg")
        assert post(server, f"{JOBS}/{job['id']}/retry").status_code == 202
        server.wait_until_ready(1)


def test_a_video_gets_a_sheet_for_scrubbing_and_a_picture_has_none(folder):
    clip(folder / "media" / "a.mp4", frames=24 * 40)
    picture(folder / "media" / "b.jpg")
    with running_backend(folder) as server:
        server.wait_until_ready(2)
        video, still = (server.asset(name)["id"] for name in ("a.mp4", "b.jpg"))
        base = f"/api/v1/assets/{video}/sprite"
        sheet = wait_for(lambda: answer if (answer := server.get(base)).status_code == 200 else None, "the sheet")
        assert sheet.headers["content-type"] == "image/jpeg"
        vtt = server.get(f"{base}.vtt")
        assert vtt.headers["content-type"].startswith("text/vtt")
        tiles = re.findall(r"([\d:.]+) --> ([\d:.]+)\n(/thumbnails/\w+\.jpg)#xywh=(\d+),(\d+),160,120", vtt.text)
        assert len(tiles) >= 4
        assert tiles[0][0] == "00:00:00.000"
        assert tiles[-1][1] == "00:00:40.000"
        assert [start for start, *_ in tiles[1:]] == [end for _, end, *_ in tiles[:-1]]
        assert server.get(tiles[0][2]).content == sheet.content
        assert server.get(f"{base}.vtt", headers={"If-None-Match": vtt.headers["etag"]}).status_code == 304
        assert server.get(base, headers={"If-None-Match": sheet.headers["etag"]}).status_code == 304
        key = sheet.headers["etag"].strip('"')
        os.utime(folder / "data" / "thumbnails" / key[:2] / key[2:4] / f"{key}.jpg", (1, 1))
        assert outcome(folder, "-m", "services.backend", "cleanup")[0] == 0
        assert server.get(base).status_code == 200
        for path in (
            f"/api/v1/assets/{still}/sprite",
            f"/api/v1/assets/{still}/sprite.vtt",
            "/api/v1/assets/99/sprite",
        ):
            assert server.get(path).status_code == 404


def test_changes_are_seen_as_they_happen(folder):
    with running_backend(folder, MEDIA_WATCH="1") as server:
        wait_for(lambda: server.get("/api/v1/health/processing").json()["roots"][0]["scanned_at"], "the first scan")
        picture(folder / "media" / "deep" / "er" / "a.png")
        number = server.wait_until_ready(1)[0]["id"]
        (folder / "media" / "deep" / "er" / "a.png").rename(folder / "media" / "b.png")
        wait_for(lambda: server.assets()[0]["file_path"] == "b.png", "the move is seen")
        assert server.assets()[0]["id"] == number
        (folder / "media" / "b.png").unlink()
        server.wait_for_status(number, "offline")
        (folder / "media" / "deep").rename(folder / "media" / "other")
        picture(folder / "media" / "other" / "er" / "c.png")
        wait_for(lambda: len(server.assets(status="ready")) == 1, "a folder that was renamed is watched too")
