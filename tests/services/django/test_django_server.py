import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import connect

import httpx
import pytest
from running_django import PROJECT, ROOT, SERVE, RunningDjango, outcome, running_django

pytestmark = pytest.mark.system

MIGRATE = (*SERVE, "migrate")
MANAGE = (str(PROJECT / "manage.py"),)
# An application that says when it is in the middle of a request, and goes on when told to.
SLOW = """
import pathlib, socket, sys, threading, logging
sys.path.insert(0, {project!r})
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
from sideeye.listener import claim
from sideeye.server import Server
def slow(environ, start_response):
    with socket.create_connection(("127.0.0.1", {port})) as told:
        told.sendall(b"here")
        told.recv(1)
    start_response("200 OK", [("Content-Length", "300000")])
    return [b"x" * 300000]
with claim("127.0.0.1", 0) as listener:
    Server(slow, listener).run()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_with_exit_0(data: Path, number: int) -> None:
    with running_django(data) as django:
        # An idle connection is open.
        django.client.get("/api/health/")
        assert django.stop(number) == (0, "")


def test_a_second_signal_while_it_stops_changes_nothing(data: Path) -> None:
    with running_django(data) as django:
        django.process.send_signal(signal.SIGTERM)
        assert django.stop()[0] == 0


class SlowRequest:
    """A request in the middle of its work in a server that runs SLOW."""

    def __init__(self, django: RunningDjango, told: socket.socket) -> None:
        self.django = django
        self.told = told
        self.answers: list[int] = []
        self.thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        try:
            self.answers.append(len(httpx.get(self.django.client.base_url, timeout=20, trust_env=False).content))
        except httpx.HTTPError:
            # Cut off by the stop: no answer is what the test looks at.
            return


@contextmanager
def slow_request(data: Path) -> Iterator[SlowRequest]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        program = SLOW.format(project=str(PROJECT), port=listener.getsockname()[1])
        with running_django(data, ("-c", program)) as django:
            request = SlowRequest(django, listener)
            request.thread.start()
            inside, _ = listener.accept()
            with inside:
                assert inside.recv(4) == b"here"
                request.told = inside
                yield request
            request.thread.join(10)


def test_a_request_under_way_is_answered_in_full_before_the_stop(data: Path) -> None:
    with slow_request(data) as request:
        request.django.process.send_signal(signal.SIGTERM)
        _until_refused(request.django)
        request.told.sendall(b".")
        request.django.process.wait(10)
        request.thread.join(10)
        assert request.answers == [300000]
        assert request.django.process.returncode == 0


def test_a_request_that_never_ends_does_not_hold_up_the_stop(data: Path) -> None:
    with slow_request(data) as request:
        code, _ = request.django.stop()
        assert code == 0
        request.thread.join(10)
        assert request.answers == []


def _until_refused(django: RunningDjango) -> None:
    """Return once the server takes no new connection; closing the listener is the first thing a stop does."""
    address = (django.client.base_url.host, django.client.base_url.port)
    for _ in range(10_000):
        try:
            socket.create_connection(address, timeout=1).close()
        except ConnectionError:
            return
        except TimeoutError:
            continue  # a busy machine: neither taken nor refused yet
    raise AssertionError("the server still takes connections")


def test_a_taken_port_is_told_with_exit_1(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, _, complaints = outcome(SERVE, data, PORT=str(port))
    assert code == 1
    assert f"error: port {port} on 127.0.0.1 is taken" in complaints
    assert "hint: " in complaints


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("HOST", "0.0.0.0"), ("DEBUG", "maybe"), ("LOG_LEVEL", "loud")]
)
def test_bad_configuration_is_told_with_exit_2(data: Path, name: str, value: str) -> None:
    for arguments in (SERVE, MIGRATE):
        code, _, complaints = outcome(arguments, data, **{name: value})
        assert code == 2
        assert complaints.startswith(f"error: {name}")
        assert "hint: " in complaints
        assert "Traceback" not in complaints


@pytest.mark.parametrize("arguments", [SERVE, MIGRATE])
def test_a_data_folder_that_is_a_file_is_told_with_exit_2(data: Path, arguments: tuple[str, ...]) -> None:
    data.write_text("a file")
    code, _, complaints = outcome(arguments, data)
    assert code == 2
    assert complaints.startswith("error: DATA_DIR")


def test_migrating_makes_a_database_with_write_ahead_logging_and_twice_is_as_good_as_once(data: Path) -> None:
    for _ in range(2):
        code, _, complaints = outcome(MIGRATE, data)
        assert (code, complaints) == (0, "")
    with closing(connect(data / "django.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT count(*) FROM auth_user").fetchone() == (0,)
    with running_django(data) as django:
        assert "migrations are not applied" not in django.log


def test_migrating_a_broken_database_is_told_with_exit_1_and_leaves_it_alone(data: Path) -> None:
    data.mkdir()
    (data / "django.db").write_bytes(b"this is no database" * 100)
    code, _, complaints = outcome(MIGRATE, data)
    assert code == 1
    assert "error: the database cannot be used" in complaints
    assert "Traceback" not in complaints
    assert (data / "django.db").read_bytes() == b"this is no database" * 100


def test_the_secret_key_is_made_once_and_read_by_its_owner_only(data: Path) -> None:
    outcome(MIGRATE, data)
    key = data / "django-secret-key"
    first = key.read_text()
    assert len(first) >= 50
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((data / "django.db").stat().st_mode) == 0o600
    with running_django(data):
        assert key.read_text() == first
    assert sorted(os.listdir(data)) == ["django-secret-key", "django.db"]


def test_a_secret_key_in_the_environment_is_used_and_not_kept(data: Path) -> None:
    program = "from django.conf import settings; print(settings.SECRET_KEY)"
    code, output, complaints = outcome((*MANAGE, "shell", "-c", program), data, SECRET_KEY="k" * 60)
    assert (code, complaints) == (0, "")
    assert "k" * 60 in output
    assert not (data / "django-secret-key").exists()


def test_a_secret_key_file_that_is_too_short_is_refused_with_exit_2(data: Path) -> None:
    data.mkdir()
    (data / "django-secret-key").write_text("short")
    code, _, complaints = outcome(SERVE, data)
    assert code == 2
    assert complaints.startswith("error: django-secret-key")
    assert "short\n" not in complaints


def test_the_deployment_check_has_nothing_to_say(data: Path) -> None:
    code, _, complaints = outcome((*MANAGE, "check", "--deploy", "--fail-level", "WARNING"), data)
    assert code == 0, complaints


def test_no_model_is_without_its_migration(data: Path) -> None:
    code, output, complaints = outcome((*MANAGE, "makemigrations", "--check", "--dry-run"), data)
    assert code == 0, output + complaints


@pytest.mark.parametrize(
    ("arguments", "cwd", "variables"),
    [
        (("-m", "services.django"), ROOT, {}),
        (("-m", "services.django"), ROOT, {"PYTHONPATH": "services"}),
        (("-m", "django"), ROOT / "services", {}),
        (("django/manage.py",), ROOT / "services", {}),
        (("django",), ROOT / "services", {"PYTHONPATH": "."}),
        (("manage.py",), PROJECT, {"PYTHONPATH": ".."}),
    ],
)
def test_the_folder_named_django_never_stands_in_for_the_framework(
    data: Path, arguments: tuple[str, ...], cwd: Path, variables: dict[str, str]
) -> None:
    code, output, complaints = outcome((*arguments, "check"), data, cwd=cwd, **variables)
    assert (code, complaints) == (0, "")
    assert "no issues" in output


def test_a_fault_in_a_view_is_a_500_without_details_and_a_traceback_in_the_log(data: Path) -> None:
    program = """
import sys; sys.path.insert(0, {project!r})
import sideeye.health.database
def broken(): raise RuntimeError("the secret detail")
sideeye.health.database.database_problem = broken
from sideeye.command import serve
sys.exit(serve())
"""
    prelude = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'sideeye.settings'"
    with running_django(data, ("-c", prelude + program.format(project=str(PROJECT)))) as django:
        response = django.client.get("/api/health/")
        assert response.status_code == 500
        assert response.json()["code"] == "INTERNAL"
        assert "secret detail" not in response.text
        django.process.send_signal(signal.SIGTERM)
        output, _ = django.process.communicate(timeout=10)
        assert "RuntimeError: the secret detail" in output
