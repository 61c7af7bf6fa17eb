"""Units of `mamctl export systemd` where systemd really is process 1: words, secrets, order, sockets and timers."""

from __future__ import annotations

import json

import pytest

from tests.convert.test_systemd_unit import NAMES
from tests.scripted import eventually

pytestmark = pytest.mark.slow
FOLDER = "/etc/systemd/system"
PORT = 8477
SECRET = 'it\'s $a "secret" 100%'
# Tells what it was started with, and listens only a moment later.
WEB = """\
import json, os, socket, sys, time
with open("told", "w") as file:
    json.dump({"argv": sys.argv[1:], "env": dict(os.environ), "migrated": os.path.exists("migrated")}, file)
time.sleep(0.5)
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
time.sleep(1000)
"""
# Tells whether the web server could be reached when it was started.
AFTER = "import socket; socket.create_connection(('127.0.0.1', {port})); open('after', 'w')"
HELD = "import os, time; open('held', 'w').write(os.environ['LISTEN_FDNAMES']); time.sleep(1000)"


def services():
    words = [name.replace("$", "$$") for name in NAMES]
    python = ["/usr/bin/python3", "-c"]
    return {
        "migrate": {"kind": "task", "command": [*python, "open('migrated', 'w')"]},
        "web": {
            "command": [*python, WEB, *words, "--key=" + SECRET.replace("$", "$$")],
            "port": PORT,
            "depends_on": ["migrate"],
            "env": {"ODD": "\n".join(words), "A_TOKEN": SECRET.replace("$", "$$")},
            "stop": {"grace": 5},
        },
        "after": {"kind": "task", "command": [*python, AFTER.format(port=PORT)], "depends_on": ["web"]},
        "held": {"command": [*python, HELD], "sockets": {"front": PORT + 1}},
        "often": {"kind": "task", "command": [*python, "open('often', 'w')"], "schedule": "* * * * * *"},
    }


@pytest.fixture
def exported(machine, stack):
    """Return a stack whose units run, without any mamctl."""
    one = stack()
    one.write(services())
    quoted = SECRET.replace("\\", "\\\\").replace('"', '\\"')
    (machine.path(one.folder) / "web.secrets").write_text(f'A_TOKEN="{quoted}"\n')
    one.mamctl("export", "systemd", "-o", FOLDER)
    machine.run("systemctl", "daemon-reload")
    yield one
    machine.run("systemctl", "stop", f"{one.name}.target", check=False)


def text(machine, one, name):
    path = machine.path(f"{one.folder}/{name}")
    return path.read_text() if path.exists() else None


def test_units_run_without_us_and_as_the_manifest_says(machine, exported):
    one = exported
    units = [f"{FOLDER}/{one.name}-{name}.service" for name in services()]
    verified = machine.do("systemd-analyze", "verify", *units, f"{FOLDER}/{one.name}.target")
    assert (verified.stdout, verified.stderr) == ("", "")
    machine.run("systemctl", "start", f"{one.name}.target")
    eventually(lambda: text(machine, one, "after") is not None, within=30)
    told = json.loads(text(machine, one, "told"))
    assert told["argv"] == [*NAMES, f"--key={SECRET}"]
    assert told["env"]["ODD"] == "\n".join(NAMES)
    assert told["env"]["A_TOKEN"] == SECRET
    assert told["migrated"]
    assert machine.unit(f"{one.name}-web.service")["ActiveState"] == "active"
    eventually(lambda: text(machine, one, "often") is not None, within=30)
    eventually(lambda: text(machine, one, "held") == "front", within=30)
    machine.run("systemctl", "stop", f"{one.name}.target")
    eventually(lambda: machine.unit(f"{one.name}-web.service")["ActiveState"] == "inactive", within=30)
