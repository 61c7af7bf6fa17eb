"""How the server starts, complains and ends."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest
from running_frontend import launch, running_frontend
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from pathlib import Path

    from backend_double import BackendDouble

pytestmark = pytest.mark.system
EXIT_CONFIG = 78


def outcome(**changes: str) -> tuple[int, str]:
    """Start the server, wait for its end, and return its exit code and what it complained."""
    with launch(**changes) as process:
        _, complaint = process.communicate(timeout=20)
    return process.returncode, complaint


def test_the_process_that_was_started_is_the_server_itself(pages: None):
    with running_frontend() as frontend:
        assert "node" in os.readlink(f"/proc/{frontend.process.pid}/exe")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_two_seconds_with_0_also_while_clients_are_connected(
    pages: None, backend: BackendDouble, ending: signal.Signals
):
    with running_frontend(BACKEND_URL=backend.url) as frontend:
        frontend.client.get("/api/health")
        half_asked = socket.create_connection(("127.0.0.1", frontend.port), timeout=5)
        half_asked.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        with half_asked, connect(f"ws://127.0.0.1:{frontend.port}/ws", proxy=None) as websocket:
            websocket.recv(timeout=5)
            started = time.monotonic()
            frontend.process.send_signal(ending)
            assert frontend.process.wait(timeout=10) == 0
            assert time.monotonic() - started < 2
            with pytest.raises(ConnectionClosed):
                websocket.recv(timeout=5)


def test_a_port_that_is_taken_is_said_with_a_hint(pages: None):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, complaint = outcome(PORT=str(port))
    assert code == 1
    assert f"error: port {port} on 127.0.0.1 is taken" in complaint
    assert "hint: " in complaint


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "PORT is not a port number: http"),
        ("PORT", "70000", "PORT is not a port number: 70000"),
        ("HOST", "0.0.0.0", "HOST is not a loopback address: 0.0.0.0"),
        ("BACKEND_URL", "ftp://127.0.0.1", "BACKEND_URL is not an http:// URL: ftp://127.0.0.1"),
        ("STACK_HEALTH", "http://127.0.0.1:1/", "STACK_HEALTH"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_is_a_configuration_error(
    pages: None, name: str, value: str, sentence: str
):
    code, complaint = outcome(**{name: value})
    assert code == EXIT_CONFIG
    assert f"error: {sentence}" in complaint
    assert "hint: " in complaint


def test_pages_that_are_not_built_are_a_configuration_error_that_says_how(tmp_path: Path):
    code, complaint = outcome(DIST_DIR=str(tmp_path))
    assert (code, "python -m services.frontend.build" in complaint) == (EXIT_CONFIG, True)
