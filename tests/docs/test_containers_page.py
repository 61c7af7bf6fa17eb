"""docs/containers.md: the Dockerfile's command is a good process 1, and its health is that of the stack."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docs.pages import fences, links, page
from tests.docs.transcript import environment, free_ports
from tests.scripted import eventually

PAGE = page("containers.md")
PATIENCE = 60.0
# An ordinary user needs a namespace of users too, in which he is root.
OTHERWISE = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
UNSHARE = ["unshare", *OTHERWISE, "--pid", "--fork", "--kill-child", "--mount-proc"]


@cache
def why_not():
    """Why no PID namespace can be made here; None when it can."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        return "unshare is not installed (util-linux)"
    return f"no PID namespace for this user: {done.stderr.strip()}" if done.returncode else None


def named(file):
    (found,) = (fence.text for fence in fences(PAGE) if fence.name == file)
    return found


INSTRUCTIONS = [line.split(maxsplit=1) for line in named("Dockerfile").splitlines() if line[:1].isalpha()]


def instruction(name):
    return [rest for word, rest in INSTRUCTIONS if word == name]


def test_the_dockerfile_is_made_of_instructions_in_a_sound_order():
    words = [word for word, _ in INSTRUCTIONS]
    assert set(words) <= {"FROM", "COPY", "RUN", "WORKDIR", "USER", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    assert words[0] == "FROM"
    assert words.index("WORKDIR") < words.index("USER") < words.index("CMD") == len(words) - 1
    # The folder belongs to the user before he needs it.
    assert any("install -d -o app" in run and run.endswith(instruction("WORKDIR")[0]) for run in instruction("RUN"))


def test_mamctl_itself_is_process_one_not_a_shell():
    assert json.loads(instruction("CMD")[0]) == ["mamctl", "up"]


def children(process):
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()


@contextmanager
def contained(folder, sockets):
    """The Dockerfile's command as process 1 of a namespace of its own."""
    command = json.loads(instruction("CMD")[0])
    with (folder / "output").open("wb") as output:
        outside = subprocess.Popen(
            [*UNSHARE, *command], cwd=folder, env=environment() | {"HOME": str(folder), "XDG_RUNTIME_DIR": sockets},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield outside
    finally:
        outside.kill()
        outside.wait(PATIENCE)


@pytest.mark.system
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_the_dockerfiles_command_is_healthy_and_stops_in_order(tmp_path):
    text = named("services.yaml")
    ports = free_ports(set(re.findall(r"\b81\d\d\b", text)))
    (tmp_path / "services.yaml").write_text(re.sub(r"\b81\d\d\b", lambda match: str(ports[match[0]]), text))
    health = instruction("HEALTHCHECK")[0].partition("CMD ")[2]

    # The sockets' folder: that of root belongs to nobody inside the namespace of an ordinary user.
    with TemporaryDirectory() as sockets, contained(tmp_path, sockets) as outside:
        eventually(lambda: children(outside), within=PATIENCE)
        (first,) = children(outside)
        # As `docker exec` does: inside.
        inside = ["nsenter", "-t", first, *(["-U", "--preserve-credentials"] if OTHERWISE else []), "-p", "-m"]
        asked = [*inside, "sh", "-c", f"cd {tmp_path} && {health}"]

        def healthy():
            environ = environment() | {"XDG_RUNTIME_DIR": sockets}
            return subprocess.run(asked, env=environ, timeout=PATIENCE, check=False).returncode == 0

        eventually(lambda: healthy() or outside.poll() is not None, within=PATIENCE)
        assert outside.poll() is None, (tmp_path / "output").read_text()
        os.kill(int(first), signal.SIGTERM)
        assert outside.wait(PATIENCE) == 143
        told = (tmp_path / "output").read_text()
        assert told.index("web stopped") < told.index("backend stopped")


def test_the_codes_of_a_stop_are_those_of_the_guide():
    assert "with 143, 130\n  or 129" in PAGE


def test_it_leads_to_the_guide_for_the_other_way_round():
    assert "migrating/docker-compose.md#a-container-in-the-stack" in links(PAGE)
