"""Event listeners there and back: supervisord's sections, and services with `events`."""

from __future__ import annotations

import configparser
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mamctl.runtime.manifest import inspect
from tests.convert.exporting.stacks import RUN, export
from tests.convert.imports import imported

if TYPE_CHECKING:
    from pathlib import Path

LISTENER = "[eventlistener:mail]\ncommand=crashmail -a\n"


def taken(folder: Path, section: str) -> tuple[dict[str, object], list[str]]:
    """Import a file with one section; return its services as they load, and the report."""
    (folder / "supervisord.conf").write_text(section)
    result = imported(folder / "supervisord.conf")
    (folder / "services.yaml").write_text(result.text)
    services = inspect(str(folder / "services.yaml"), environ={"HOME": "/"}).services
    return dict(services), [f"{note.key}: {note.message}" for note in result.notes]


def test_a_section_becomes_a_service_with_events(tmp_path: Path) -> None:
    services, notes = taken(tmp_path, f"{LISTENER}events = PROCESS_STATE_EXITED , tick_60\nbuffer_size=5\n")
    assert services["mail"].events == ("PROCESS_STATE_EXITED", "TICK_60")
    assert services["mail"].argv == ("crashmail", "-a")
    assert notes == ["eventlistener:mail.buffer_size: up to 10,000 events wait for it"]


def test_a_pool_is_one_service_with_replicas(tmp_path: Path) -> None:
    numbered = "numprocs=3\nprocess_name=%(program_name)s_%(process_num)d\nnumprocs_start=1\n"
    services, notes = taken(tmp_path, f'{LISTENER}events=EVENT\n{numbered}environment=NUMBER="%(process_num)d"\n')
    assert list(services) == ["mail-1", "mail-2", "mail-3"]
    assert {spec.service for spec in services.values()} == {"mail"}
    assert any("MAMCTL_REPLICA tells each its number" in note for note in notes)


def test_what_is_not_sent_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    services, notes = taken(tmp_path, f"{LISTENER}events=PROCESS_LOG_STDOUT,TICK_5,NONSENSE\n")
    assert services["mail"].events == ("TICK_5",)
    assert "PROCESS_LOG_STDOUT is not sent here: output goes to the log" in notes[0]
    assert "NONSENSE is not sent here: supervisord knows no such type" in notes[1]


@pytest.mark.parametrize("events", ["", "events=\n", "events=REMOTE_COMMUNICATION\n"])
def test_a_listener_that_would_hear_nothing_is_left_out_and_told(tmp_path: Path, events: str) -> None:
    services, notes = taken(tmp_path, f"{LISTENER}{events}[program:web]\ncommand=sleep 1\n")
    assert list(services) == ["web"]
    assert notes[0].startswith("eventlistener:mail: ")


def section(text: str, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser[name])


def test_a_service_with_events_becomes_a_section() -> None:
    (file,) = export("supervisord", {"mail": {"command": RUN, "events": ["TICK_5", "PROCESS_STATE"]}}).files
    found = section(file.text, "eventlistener:mail")
    assert found["events"] == "TICK_5,PROCESS_STATE"
    assert found["stdout_logfile"] == "NONE"
    assert found["stderr_logfile"] == "%(here)s/logs/mail.log"
    assert "redirect_stderr" not in found


def test_a_pool_becomes_one_section_and_no_group() -> None:
    (file,) = export("supervisord", {"mail": {"command": RUN, "events": ["TICK_5"], "replicas": 2}}).files
    found = section(file.text, "eventlistener:mail")
    assert (found["numprocs"], found["numprocs_start"]) == ("2", "1")
    assert found["stderr_logfile"] == "%(here)s/logs/mail-%(process_num)d.log"
    assert "[group:" not in file.text
    assert "program:mail" not in file.text


def test_the_real_supervisord_takes_what_is_exported_and_it_comes_back(tmp_path: Path) -> None:
    services = {
        "mail": {"command": ["true"], "events": ["TICK_5"], "replicas": 2},
        "one": {"command": ["true"], "events": ["EVENT"]},
    }
    (file,) = export("supervisord", services).files
    (tmp_path / "logs").mkdir()
    (tmp_path / file.name).write_text(file.text.replace("/stack", str(tmp_path)))
    script = (
        "import sys; from supervisor.options import ServerOptions\n"
        "options = ServerOptions(); options.realize(['-n', '-c', sys.argv[1]])\n"
        "print(*sorted((group.name, len(group.process_configs)) for group in options.process_group_configs))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, tmp_path / file.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "('mail', 2) ('one', 1)", done.stderr
    back, _ = taken(tmp_path, (tmp_path / file.name).read_text())
    assert {name: spec.events for name, spec in back.items()} == {
        "mail-1": ("TICK_5",), "mail-2": ("TICK_5",), "one": ("EVENT",),
    }  # fmt: skip
