"""The health of the stack, as the server sees it."""

from __future__ import annotations

import socket
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from backend_double import running_backend
from running_frontend import running_frontend

if TYPE_CHECKING:
    from running_frontend import Frontend

pytestmark = pytest.mark.system
PAUSE = threading.Event()  # never set


def services_of(frontend: Frontend) -> dict[str, dict]:
    return {service["name"]: service for service in frontend.client.get("/api/stack").json()["services"]}


def wait_for_state(frontend: Frontend, name: str, state: str) -> dict:
    """Ask until a service is in a state: answers are a second old at most."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        service = services_of(frontend)[name]
        if service["state"] == state:
            return service
        PAUSE.wait(0.05)
    raise AssertionError(f"{name} is still {service}")


def test_its_own_health_is_healthy_without_any_backend(pages: None):
    with running_frontend(BACKEND_URL="http://127.0.0.1:9") as frontend:
        assert frontend.client.get("/api/health").json() == {"status": "healthy"}


def test_one_service_that_is_down_does_not_hide_the_others(pages: None):
    with running_backend() as up, running_backend() as sick, running_backend() as soon_down:
        sick.is_sick = True
        urls = {"up": up.url, "sick": sick.url, "gone": soon_down.url}
        soon_down.shutdown()
        soon_down.server_close()
        targets = ",".join(f"{name}={url}/api/v1/health/status" for name, url in urls.items())
        with running_frontend(STACK_HEALTH=targets) as frontend:
            services = services_of(frontend)
    assert [(name, service["state"]) for name, service in services.items()] == [
        ("up", "healthy"),
        ("sick", "unhealthy"),
        ("gone", "down"),
    ]
    assert services["sick"]["status_code"] == 503
    assert services["gone"]["status_code"] is None
    assert services["gone"]["latency_ms"] is None
    assert services["up"]["latency_ms"] > 0


def test_a_service_that_never_answers_costs_one_second_and_is_down(pages: None):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"silent=http://127.0.0.1:{silent.getsockname()[1]}/"
        with running_frontend(STACK_HEALTH=target) as frontend:
            started = time.monotonic()
            service = services_of(frontend)["silent"]
            assert time.monotonic() - started < 3
    assert (service["state"], service["detail"]) == ("down", "no answer in time")


def test_since_stays_while_the_state_stays_and_moves_when_it_changes(pages: None):
    with running_backend() as backend:
        target = f"backend={backend.url}/api/v1/health/status"
        with running_frontend(STACK_HEALTH=target) as frontend:
            first = services_of(frontend)["backend"]
            backend.is_sick = True
            ill = wait_for_state(frontend, "backend", "unhealthy")
            again = services_of(frontend)["backend"]
    assert datetime.fromisoformat(ill["since"]) > datetime.fromisoformat(first["since"])
    assert again["since"] == ill["since"]


def test_the_defaults_are_the_six_services_of_the_stack(frontend: Frontend):
    assert list(services_of(frontend)) == ["backend", "frontend", "lmstudio", "agent", "api", "django"]
