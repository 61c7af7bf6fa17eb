"""No answer names a folder of this machine (ruling C1)."""

import json
import os
from pathlib import Path

import pytest
from backend_media import picture
from running_backend import REPOSITORY, running_backend
from websockets.sync.client import connect

pytestmark = pytest.mark.system

A = "/api/v1/assets"


def test_no_answer_header_or_frame_has_an_absolute_path(folder):
    secrets = {str(folder), str(folder / "media"), str(REPOSITORY), str(Path.home()), os.path.realpath(folder)} - {"/"}
    picture(folder / "media" / "sub" / "good.jpg")
    (folder / "media" / "broken.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 200)
    (folder / "media" / "short.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 30)
    (folder / "media" / "out.jpg").symlink_to(REPOSITORY / "README.md")
    said: list[str] = []
    with running_backend(folder) as server, connect(server.ws, proxy=None) as socket:
        good = server.wait_until_ready(1)[0]["id"]
        server.wait_for_status(server.asset("broken.mp4")["id"], "failed")
        server.wait_for_status(server.asset("short.jpg")["id"], "failed")
        (folder / "media" / "short.jpg").unlink()
        gone = server.asset("short.jpg")["id"]
        thumbnail = server.get(f"{A}/{good}").json()["media_metadata"]["thumbnail_url"]
        walk = [
            ("GET", path, None)
            for path in (
                A, A + "?page=0", f"{A}?q={folder}", f"{A}/{good}", f"{A}/{gone}", f"{A}/99", f"{A}/{good}/stream",
                f"{A}/{gone}/stream", thumbnail, "/thumbnails/x.jpg", f"/thumbnails/{good}.jpg", "/", "/..%2f..%2fetc",
                str(folder), "/api/v1/health/status", "/api/v1/health/live", "/api/v1/health/websocket",
                "/api/v1/health/processing",
            )
        ]  # fmt: skip
        walk += [
            ("POST", A, {"file_path": path})
            for path in (
                "sub/good.jpg", "out.jpg", "sub", "sub.jpg", "short.jpg", str(folder / "media" / "sub" / "good.jpg"),
                "../data/mam.db", "../media/sub/good.jpg", f"..{folder}/a.jpg", "x" * 5000, "a\0.jpg", "~/a.jpg",
            )
        ]  # fmt: skip
        walk += [("DELETE", f"{A}/{good}", None), ("PUT", A, None), ("OPTIONS", A, None)]
        for method, path, body in walk:
            response = server.request(method, path, json=body)
            said.append(f"{method} {path[:40]}: {response.headers} {response.content!r}".replace(f"?q={folder}", ""))
        socket.send('{"type": "ping"}')
        while (frame := json.loads(socket.recv(timeout=5)))["type"] != "pong":
            said.append(json.dumps(frame))
        # The requests that carry the folder themselves get nothing of it back, so no exception is needed.
        answers = [text.split(": ", 1)[-1] for text in said]
    assert len(answers) > len(walk)
    assert [text for text in answers if any(secret in text for secret in secrets)] == []
