"""What is imported from other programs, really run: their commands do here what they did there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.system.supervised import within

if TYPE_CHECKING:
    import pathlib

    from tests.system.supervised import Folder

pytestmark = pytest.mark.system

PATIENCE = 10.0
SLEEP = "exec sleep 1000"
PROCFILE = f"""\
web: python3 -m http.server $PORT --bind 127.0.0.1
worker: echo "word=$WORD"; {SLEEP}
release: python3 -c "print('migrated')"
"""
SUPERVISORD = f"""\
[program:shard]
command=/bin/sh -c "echo shard %(process_num)02d of %(program_name)s at $LEVEL; {SLEEP}"
process_name=%(program_name)s_%(process_num)02d
numprocs=2
environment=LEVEL="100%%"
[program:pair]
command=sleep 1000
numprocs=2
[program:late]
command=sleep 1000
autostart=false
[fcgi-program:held]
socket=tcp://127.0.0.1:PORT
command=python3 held.py
"""
HELD = """\
import socket, time
print("held", socket.socket(fileno=0).getsockname()[1], flush=True)
time.sleep(1000)
"""
COMPOSE = f"""\
services:
  migrate:
    build: .
    command: ["python3", "-c", "print('migrated')"]
  web:
    build: .
    command: python3 -m http.server PORT --bind 127.0.0.1
    ports: ["PORT:PORT"]
    healthcheck: {{test: [CMD, python3, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:PORT')"]}}
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  worker:
    build: .
    command: ["sh", "-c", "echo url=$$URL; {SLEEP}"]
    environment: {{URL: "http://web:PORT/"}}
    depends_on: {{web: {{condition: service_healthy}}}}
"""
PROCESS_COMPOSE = f"""\
vars: {{PORT: PORT}}
processes:
  migrate: {{command: "echo migrated"}}
  api:
    command: "exec python3 -m http.server {{{{.PORT}}}} --bind 127.0.0.1"
    depends_on: {{migrate: {{condition: process_completed_successfully}}}}
    readiness_probe: {{http_get: {{host: 127.0.0.1, port: PORT, path: /}}}}
  worker:
    command: "echo number=$PC_REPLICA_NUM; {SLEEP}"
    replicas: 2
    depends_on: {{api: {{condition: process_healthy}}}}
  said: {{command: "echo 'ready (1)'; {SLEEP}", ready_log_line: "ready (1)"}}
"""


def free_port() -> int:
    """Return a port that nothing listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def run(folder: Folder, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mamctl", *words],
        cwd=folder.path,
        env=folder.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def states(folder: Folder) -> dict[str, str]:
    document = json.loads(run(folder, "status", "--json").stdout)
    return {row["name"]: row["state"] for row in document["services"]}


def log(folder: Folder, name: str) -> str:
    path: pathlib.Path = folder.path / "logs" / f"{name}.log"
    return path.read_text() if path.exists() else ""


def up(folder: Folder, file: str, text: str) -> dict[str, str]:
    """Import a file, bring up what came of it, and return the states."""
    (folder.path / file).write_text(text.replace("PORT", str(free_port())) if file != "Procfile" else text)
    imported = run(folder, "import", file)
    assert imported.returncode == 0, imported.stderr
    # A name by which all that it starts is found again.
    manifest = (folder.path / "services.yaml").read_text()
    line = next(line for line in manifest.splitlines() if line.startswith("name:"))
    (folder.path / "services.yaml").write_text(manifest.replace(line, f"name: {folder.name}", 1))
    begun = run(folder, "up", "-d", "--timeout", "40s")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    return states(folder)


def down(folder: Folder) -> None:
    ended = run(folder, "down")
    assert ended.returncode == 0, ended.stderr


def test_a_procfile_runs_with_its_ports_and_its_env_file(folder: Folder) -> None:
    (folder.path / ".env").write_text(f"PORT={free_port()}\nWORD=hello\n")
    found = up(folder, "Procfile", PROCFILE)
    assert found == {"web": "ready", "worker": "ready", "release": "completed"}
    within(PATIENCE, lambda: "word=hello" in log(folder, "worker"))
    down(folder)


def test_programs_of_supervisord_run_with_their_numbers_and_their_socket(folder: Folder) -> None:
    (folder.path / "held.py").write_text(HELD)
    found = up(folder, "supervisord.conf", SUPERVISORD)
    assert found == {
        "shard-0": "ready", "shard-1": "ready", "pair-1": "ready", "pair-2": "ready", "late": "stopped",
        "held": "ready",
    }  # fmt: skip
    within(PATIENCE, lambda: "shard 01 of shard at 100%" in log(folder, "shard-1"))
    within(PATIENCE, lambda: "held " in log(folder, "held"))
    down(folder)


def test_compose_services_with_commands_run_in_their_order(folder: Folder) -> None:
    found = up(folder, "compose.yaml", COMPOSE)
    assert found == {"migrate": "completed", "web": "ready", "worker": "ready"}
    within(PATIENCE, lambda: "url=http://127.0.0.1:" in log(folder, "worker"))
    down(folder)


def test_processes_of_process_compose_run_with_their_probes_and_replicas(folder: Folder) -> None:
    found = up(folder, "process-compose.yaml", PROCESS_COMPOSE)
    assert found == {
        "migrate": "completed", "api": "ready", "worker-0": "ready", "worker-1": "ready", "said": "ready",
    }  # fmt: skip
    within(PATIENCE, lambda: "number=1" in log(folder, "worker-1"))
    assert os.path.exists(folder.path / "logs" / "said.log")
    down(folder)
