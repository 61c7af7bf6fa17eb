"""The main job on real input: the shipped stack comes up, works together, heals, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.system.shipped import MAMCTL, PORTS, ROOT, Shipped, busy_ports, own_ports, request

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.system
DEADLINE = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    with own_ports():
        shipped = Shipped(tmp_path_factory.mktemp("stack"))
        began = shipped.mamctl("up", "-d", "--timeout", "100s")
        assert began.returncode == 0, began.stdout + began.stderr
        yield shipped
        shipped.mamctl("down")


def eventually(test: Callable[[], object]) -> object:
    """Return the first true answer within the deadline."""
    until = time.monotonic() + DEADLINE
    while not (found := test()):
        assert time.monotonic() < until, "it did not come true in time"
        select.select([], [], [], 0.1)
    return found


def test_every_service_is_as_wished(stack: Shipped) -> None:
    states = {row["name"]: row["state"] for row in stack.status()["services"]}
    ready = dict.fromkeys(["backend", "worker-1", "frontend", "lmstudio", "agent", "api", "django"], "ready")
    by_hand = dict.fromkeys(["migrate", "backup", "cleanup", "reset-db"], "stopped")
    assert states == {**ready, **by_hand, "django-migrate": "completed"}
    assert stack.mamctl("status").returncode == 0


def test_all_listen_on_loopback_only(stack: Shipped) -> None:
    assert stack.status()["name"] == "mam"
    listening = subprocess.run(
        ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True
    ).stdout
    for port in PORTS:
        rows = re.findall(rf"\d+: ([0-9A-F]+):{port:04X} [0-9A-F]+:0000 0A", listening)
        assert rows
        assert set(rows) <= {"0100007F", "00000000000000000000000001000000"}


def test_a_newcomer_sees_six_samples_with_thumbnails(stack: Shipped) -> None:
    def samples() -> list[dict[str, object]] | None:
        items = json.loads(request("http://127.0.0.1:3001/api/v1/assets")[1])["items"]
        done = [item for item in items if item["status"] == "ready"]
        return done if len(done) == 6 else None

    items = eventually(samples)
    assert isinstance(items, list)
    for item in items:
        status, picture = request(f"http://127.0.0.1:3001{item['media_metadata']['thumbnail_url']}")
        assert (status, picture[:2]) == (200, b"\xff\xd8")


def test_an_asset_that_is_added_over_the_api_is_seen_through_every_face(stack: Shipped) -> None:
    media = stack.environ["MEDIA_PATH"]
    eventually(lambda: any(name.endswith(".jpg") for name in os.listdir(media)))
    source = next(name for name in os.listdir(media) if name.endswith(".jpg"))
    shutil.copy(f"{media}/{source}", f"{media}/added by a test.jpg")
    status, body = request(
        "http://127.0.0.1:5001/api/v1/assets", {"file_path": "added by a test.jpg", "title": "Added"}
    )
    assert status in (200, 201), body
    asset = json.loads(body)
    eventually(lambda: request(f"http://127.0.0.1:5001/thumbnails/{asset['id']}.jpg")[0] == 200)
    through_api = json.loads(request(f"http://127.0.0.1:8080/api/v1/assets/{asset['id']}")[1])
    assert through_api["file_path"] == "added by a test.jpg"


def test_the_agent_answers_by_the_model(stack: Shipped) -> None:
    assert stack.row("lmstudio")["state"] == "ready"
    status, body = request("http://127.0.0.1:5000/chat", {"message": "What is the capital of France?"})
    assert status == 200, body
    assert json.loads(body)["response"].strip()


def test_the_frontend_knows_the_health_of_the_whole_stack(stack: Shipped) -> None:
    assert stack.row("frontend")["state"] == "ready"
    rows = json.loads(request("http://127.0.0.1:3001/api/stack")[1])["services"]
    assert {row["name"] for row in rows} >= {"backend", "lmstudio", "agent", "api", "django"}
    assert {row["state"] for row in rows} == {"healthy"}


def test_the_django_health_is_the_seeds(stack: Shipped) -> None:
    assert stack.row("django")["state"] == "ready"
    body = json.loads(request("http://127.0.0.1:8000/api/health/")[1])
    assert set(body) == {"status", "service", "version", "timestamp"}
    assert (body["status"], body["service"]) == ("healthy", "SideEye Django Backend")


def test_a_killed_backend_is_back_and_its_dependants_were_left_alone(stack: Shipped) -> None:
    before = {row["name"]: row["pid"] for row in stack.status()["services"]}
    os.kill(before["backend"], signal.SIGKILL)
    eventually(lambda: stack.row("backend")["state"] == "ready" and stack.row("backend")["pid"] != before["backend"])
    after = {row["name"]: row["pid"] for row in stack.status()["services"]}
    assert {name: pid for name, pid in after.items() if name != "backend"} == {
        name: pid for name, pid in before.items() if name != "backend"
    }


def test_a_second_up_changes_nothing(stack: Shipped) -> None:
    before = [(row["name"], row["pid"], row["generation"]) for row in stack.status()["services"]]
    assert stack.mamctl("up", "-d").returncode == 0
    assert [(row["name"], row["pid"], row["generation"]) for row in stack.status()["services"]] == before


def test_logs_of_all_services_are_merged_in_time_order(stack: Shipped) -> None:
    # By name: the backend's own files (app.log, system.log) lie there too, and grow over many runs.
    names = ("backend", "frontend", "agent", "api", "django")
    lines = [json.loads(line) for line in stack.mamctl("logs", "--json", "-n", "500", *names).stdout.splitlines()]
    assert {line["service"] for line in lines} == set(names)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_down_leaves_nothing_and_a_foreground_up_ends_with_ctrl_c(stack: Shipped) -> None:
    assert stack.mamctl("down").returncode == 0
    assert not busy_ports()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(MAMCTL, ["mamctl", "up"], {**stack.environ, "TERM": "xterm", "COLUMNS": "120"})
    seen = _read_until(terminal, b"all 8 ready in")
    os.write(terminal, b"\x03")
    seen += _read_until(terminal, None)
    _pid, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130, seen.decode(errors="replace")
    assert b"nothing is left" in seen
    assert not busy_ports()


def _read_until(terminal: int, wanted: bytes | None) -> bytes:
    """Read a terminal until it shows something, or to its end."""
    seen = b""
    until = time.monotonic() + DEADLINE
    while wanted is None or wanted not in seen:
        assert time.monotonic() < until, seen.decode(errors="replace")
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return seen
        if not data:
            return seen
        seen += data
    return seen


def test_the_seeds_script_starts_and_stops_the_stack(stack: Shipped, tmp_path: pathlib.Path) -> None:
    script = str(ROOT / "scripts/manage_services.sh")
    for word in ("start", "restart", "stop"):
        done = subprocess.run(
            [script, word], cwd=tmp_path, env=stack.environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert bool(busy_ports()) is (word != "stop")
    assert subprocess.run([script, "dance"], capture_output=True, check=False).returncode == 2
