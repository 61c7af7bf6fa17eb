"""`mamctl install` and `uninstall` where systemd really is process 1, and what systemd makes of our quoting."""

from __future__ import annotations

import json
import sys

import pytest

from mamctl.convert.units.job import Job
from mamctl.convert.units.systemd import unit
from tests.convert.test_systemd_unit import NAMES

pytestmark = pytest.mark.slow
SLEEPER = {"web": {"command": ["sleep", "100000"]}}
FOLDER = "/etc/systemd/system"
# Stands where a unit expects its interpreter: tells what it was started with, and that it is ready.
TELLS = """\
#!/usr/bin/python3
import json, os, socket, sys
if "supervise" not in sys.argv:
    sys.exit()
told = {"argv": sys.argv, "cwd": os.getcwd(), "path": os.environ["PATH"], "user": os.getuid()}
with open("/run/told/" + os.environ["MAMCTL_HOME"], "w") as file:
    json.dump(told, file)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
    ready.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
"""


def test_install_writes_a_unit_that_systemd_has_nothing_to_say_about_and_enables_it(machine, stack):
    one = stack()
    one.write(SLEEPER)
    said = one.mamctl("install")
    assert said == f"wrote and enabled {FOLDER}/{one.unit}"
    verified = machine.do("systemd-analyze", "verify", f"{FOLDER}/{one.unit}")
    assert (verified.stdout, verified.stderr, verified.returncode) == ("", "", 0)
    assert one.systemctl("is-enabled", one.unit) == "enabled"
    assert one.show()["ActiveState"] == "inactive"


def test_installing_twice_changes_nothing(machine, stack):
    one = stack()
    one.write(SLEEPER)
    one.mamctl("install")
    before = machine.path(f"{FOLDER}/{one.unit}").read_text()
    one.mamctl("install")
    assert machine.path(f"{FOLDER}/{one.unit}").read_text() == before


def test_uninstall_takes_the_unit_away(machine, stack):
    one = stack()
    one.write(SLEEPER)
    one.mamctl("install")
    assert one.mamctl("uninstall") == f"stopped and removed {FOLDER}/{one.unit}"
    assert one.show()["LoadState"] == "not-found"
    assert not machine.path(f"{FOLDER}/multi-user.target.wants/{one.unit}").is_symlink()
    assert one.mamctl("uninstall") == ""


def test_a_unit_that_cannot_be_enabled_is_not_left_behind(machine, stack):
    one = stack()
    one.write(SLEEPER)
    wants = f"{FOLDER}/multi-user.target.wants"
    machine.run("mkdir", "-p", wants)
    machine.run("mkdir", f"{wants}/{one.unit}")
    try:
        done = machine.do(sys.executable, "-P", "-m", "mamctl", "-f", one.manifest, "install")
        assert done.returncode == 1
        assert f"enable {one.unit}` failed: " in done.stderr
        assert not machine.path(f"{FOLDER}/{one.unit}").exists()
    finally:
        machine.run("rmdir", f"{wants}/{one.unit}")


def test_the_owner_of_the_manifest_is_whom_it_runs_as_and_who_says_sudo_before_that(machine, stack):
    one = stack()
    one.write(SLEEPER)
    machine.run("chown", "daemon", one.manifest)
    words = (sys.executable, "-P", "-m", "mamctl", "-f", one.manifest, "install", "--print")
    assert "\nUser=daemon\n" in machine.run(*words)
    assert "\nUser=games\n" in machine.run(*words, SUDO_USER="games")


def test_systemd_reads_every_name_as_it_was_meant(machine):
    machine.run("mkdir", "-p", "/run/told")
    jobs = []
    for number, name in enumerate(NAMES):
        folder = f"/srv/strange/in {name}"
        machine.run("mkdir", "-p", f"{folder}/{name}")
        python = f"{folder}/{name}/python {name}"
        machine.path(python).write_text(TELLS)
        machine.path(python).chmod(0o755)
        environ = {"PATH": f"/bin:{folder}", "MAMCTL_HOME": f"{number}"}
        jobs.append(
            Job(
                f"n{number}", python, f"{folder}/{name}/services.yaml", profiles=(name,), environ=environ, user="daemon"
            )
        )
        machine.path(f"/run/systemd/system/strange-{number}.service").write_text(unit(jobs[-1]))
    machine.run("chmod", "a+rwx", "/run/told")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", *(f"strange-{number}.service" for number in range(len(NAMES))))
    for number, job in enumerate(jobs):
        told = json.loads(machine.path(f"/run/told/{number}").read_text())
        assert told == {
            "argv": [job.python, *job.command("supervise", "--profile", NAMES[number])[1:]],
            "cwd": job.folder,
            "path": job.environ["PATH"],
            "user": 1,
        }
    assert "strange" not in machine.run("journalctl", "--no-pager", "-p", "warning", "--grep", "strange-", check=False)
