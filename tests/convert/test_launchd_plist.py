"""Property lists as text; no Mac has read them yet."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from mamctl.convert.units.job import Job, Scope, written_for
from mamctl.convert.units.launchd import label, plist
from tests.convert.test_systemd_unit import NAMES


def job(**changes):
    given = {"name": "mam", "python": "/usr/bin/python3", "manifest": "/srv/mam/services.yaml", **changes}
    return Job(**given)


def read(text):
    return plistlib.loads(text.encode())


def test_it_starts_the_stack_with_its_environment_in_its_folder():
    found = read(plist(job(profiles=("ai",), environ={"PATH": "/bin"})))
    assert found["Label"] == label("mam") == "mamctl.mam"
    assert found["ProgramArguments"] == [
        "/usr/bin/python3", "-P", "-m", "mamctl", "-f", "/srv/mam/services.yaml", "supervise", "--profile", "ai",
    ]  # fmt: skip
    assert found["WorkingDirectory"] == "/srv/mam"
    assert found["EnvironmentVariables"] == {"PATH": "/bin"}
    assert found["RunAtLoad"] is True


def test_services_live_on_when_their_guardian_is_killed_and_it_comes_back():
    found = read(plist(job()))
    assert found["AbandonProcessGroup"] is True
    assert found["KeepAlive"] == {"SuccessfulExit": False}


def test_launchd_waits_longer_for_the_end_than_the_services_may_take():
    assert read(plist(job(stop_seconds=100)))["ExitTimeOut"] == 130


def test_a_job_of_the_system_names_its_user_and_an_agent_does_not():
    assert read(plist(job(user="ann")))["UserName"] == "ann"
    assert "UserName" not in read(plist(job(user="ann", scope=Scope.USER)))


@pytest.mark.parametrize("name", [*NAMES, "a--b", "<&>]]>"])
def test_any_path_is_read_back_as_it_was(name):
    text = plist(job(manifest=f"/srv/{name}/services.yaml", environ={"PATH": name}))
    assert ET.fromstring(text).tag == "plist"
    assert read(text)["ProgramArguments"][5] == f"/srv/{name}/services.yaml"
    assert read(text)["EnvironmentVariables"] == {"PATH": name}
    assert written_for(text) == f"/srv/{name}/services.yaml"


@pytest.mark.skipif(shutil.which("plistutil") is None, reason="plistutil is not installed (libplist-utils)")
def test_another_reader_of_property_lists_takes_it(tmp_path):
    (tmp_path / "a.plist").write_text(plist(job(manifest="/srv/a--b <&>/services.yaml")))
    done = subprocess.run(["plistutil", "-i", tmp_path / "a.plist"], capture_output=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr
