"""`mamctl install` and `uninstall` without an init system: what is written, what is refused, and what is said.

What a real systemd makes of it is in tests/systemd.
"""

from __future__ import annotations

import os
import plistlib
import pwd
import sys

import pytest

from mamctl.cli import unitfile
from mamctl.cli.initsystem import Launchd, Systemd
from mamctl.cli.install import install, uninstall
from mamctl.cli.job import account_of, job_for, unit_environ, warnings
from mamctl.convert.units.job import Scope, written_for
from mamctl.core.errors import MamctlError, ManifestError, UsageError

ME = pwd.getpwuid(os.getuid()).pw_name
# Writes down what it is asked, and fails when a file says so.
SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in *is-active*|print*) test -e {active}; exit;; esac
[ ! -e {broken} ] || {{ echo "Failed to do it: no bus" >&2; exit 1; }}
"""


@pytest.fixture
def asked(tmp_path):
    """What was asked of systemctl and launchctl; `PATH` has them."""
    programs = tmp_path / "programs"
    programs.mkdir()
    log = tmp_path / "asked"
    log.touch()
    for name in ("systemctl", "launchctl"):
        (programs / name).write_text(SYSTEMCTL.format(log=log, broken=tmp_path / "broken", active=tmp_path / "active"))
        (programs / name).chmod(0o755)
    return log


@pytest.fixture
def environ(tmp_path, asked):
    return {"PATH": f"{tmp_path / 'programs'}:{os.environ['PATH']}", "HOME": str(tmp_path / "home"), "USER": ME}


@pytest.fixture
def systemd(tmp_path, environ):
    return Systemd(Scope.SYSTEM, environ, folder=str(tmp_path / "units"), booted=str(tmp_path), uid=0)


def content(file):
    with open(file, encoding="utf-8", errors="surrogateescape") as text:
        return text.read()


def wanted(stack, environ, **wish):
    return job_for(str(stack / "services.yaml"), environ, **{"scope": Scope.SYSTEM, "profiles": (), **wish})[0]


def test_print_writes_the_unit_to_stdout_and_nothing_else(stack, mamctl):
    done = mamctl("install", "--print", "--profile", "ai")
    assert (done.code, done.err) == (0, "")
    assert f"-f {stack}/services.yaml supervise --profile ai\n" in done.out.replace('"', "")
    assert sorted(os.listdir(stack)) == [".mamctl", "services.yaml"]


def test_print_shows_the_unit_of_a_user(stack, mamctl):
    assert "WantedBy=default.target" in mamctl("install", "--user", "--print").out


def test_installing_writes_enables_and_tells_systemd(stack, environ, systemd, asked):
    file = install(systemd, wanted(stack, environ))
    assert written_for(content(file)) == str(stack / "services.yaml")
    assert os.stat(file).st_mode & 0o777 == 0o644
    assert asked.read_text().splitlines() == [
        "--no-ask-password daemon-reload",
        "--no-ask-password enable mamctl-mam.service",
    ]


def test_uninstalling_stops_disables_and_removes(stack, environ, systemd, asked):
    file = install(systemd, wanted(stack, environ))
    asked.write_text("")
    assert uninstall(systemd, str(stack / "services.yaml")) == [file]
    assert not os.path.exists(file)
    assert asked.read_text().splitlines() == [
        "--no-ask-password disable --now mamctl-mam.service",
        "--no-ask-password daemon-reload",
    ]


def test_without_a_unit_uninstalling_does_nothing(stack, systemd, asked):
    assert uninstall(systemd, str(stack / "services.yaml")) == []
    assert asked.read_text() == ""


def test_a_unit_of_a_user_lies_in_the_users_folder(environ, asked, stack, tmp_path):
    system = Systemd(Scope.USER, environ, booted=str(tmp_path))
    file = install(system, wanted(stack, environ, scope=Scope.USER))
    assert file == f"{environ['HOME']}/.config/systemd/user/mamctl-mam.service"
    assert asked.read_text().splitlines()[1] == "--no-ask-password --user enable mamctl-mam.service"
    moved = Systemd(Scope.USER, {**environ, "XDG_CONFIG_HOME": "/c"})
    assert moved.file("mam") == "/c/systemd/user/mamctl-mam.service"


def test_the_next_steps_of_a_user_name_lingering(environ, systemd):
    steps = Systemd(Scope.USER, {**environ, "USER": "nobody-lingers"}).next_steps("/x/mamctl-mam.service")
    assert steps[0] == "start it now: `systemctl --user start mamctl-mam.service`"
    assert "loginctl enable-linger" in steps[1]
    assert systemd.next_steps("/x/mamctl-mam.service") == ["start it now: `sudo systemctl start mamctl-mam.service`"]


def test_the_next_step_of_a_unit_that_runs_is_a_restart(environ, systemd, tmp_path):
    (tmp_path / "active").touch()
    (told,) = systemd.next_steps("/x/mamctl-mam.service")
    assert told.startswith("it runs; `sudo systemctl restart mamctl-mam.service` stops everything")
    (told,) = Launchd(Scope.SYSTEM, environ, uid=0).next_steps("/x y/mamctl.mam.plist")
    assert "`sudo launchctl bootout system/mamctl.mam` stops everything" in told
    assert "`sudo launchctl bootstrap system '/x y/mamctl.mam.plist'` starts it" in told


def test_when_enabling_fails_nothing_is_left_behind(stack, environ, systemd, tmp_path):
    (tmp_path / "broken").touch()
    with pytest.raises(MamctlError, match="daemon-reload` failed: Failed to do it: no bus"):
        install(systemd, wanted(stack, environ))
    assert systemd.files() == []


def test_when_enabling_again_fails_the_unit_is_as_it_was(stack, environ, systemd, tmp_path):
    file = install(systemd, wanted(stack, environ))
    before = content(file)
    (tmp_path / "broken").touch()
    with pytest.raises(MamctlError):
        install(systemd, wanted(stack, environ, profiles=("ai",)))
    assert content(file) == before


@pytest.mark.parametrize("text", ["", "[Service]\nExecStart=/bin/true\n", "\udcff"])
def test_a_unit_that_somebody_else_wrote_is_left_alone(stack, environ, systemd, text):
    file = systemd.file("mam")
    os.makedirs(os.path.dirname(file))
    with open(file, "w", errors="surrogateescape") as unit:
        unit.write(text)
    with pytest.raises(UsageError, match="mamctl did not write it"):
        install(systemd, wanted(stack, environ))
    assert content(file) == text
    assert uninstall(systemd, str(stack / "services.yaml")) == []


def test_a_masked_unit_is_left_alone(stack, environ, systemd):
    file = systemd.file("mam")
    os.makedirs(os.path.dirname(file))
    os.symlink("/dev/null", file)
    with pytest.raises(UsageError, match="mamctl did not write it"):
        install(systemd, wanted(stack, environ))


def test_another_stack_of_the_same_name_is_left_alone_and_named(stack, environ, systemd):
    install(systemd, wanted(stack, environ))
    other = stack / "other"
    other.mkdir()
    (other / "services.yaml").write_text((stack / "services.yaml").read_text())
    with pytest.raises(UsageError, match=f"belongs to another stack of this name: {stack}/services.yaml"):
        install(systemd, wanted(other, environ))


def test_a_stack_that_was_renamed_is_not_installed_twice(stack, environ, systemd):
    old = install(systemd, wanted(stack, environ))
    manifest = stack / "services.yaml"
    manifest.write_text(manifest.read_text().replace("name: mam", "name: new"))
    with pytest.raises(UsageError, match=f"has the unit {old} already"):
        install(systemd, wanted(stack, environ))
    assert uninstall(systemd, str(manifest)) == [old]
    install(systemd, wanted(stack, environ))


def test_uninstalling_needs_no_valid_manifest(stack, environ, systemd):
    file = install(systemd, wanted(stack, environ))
    (stack / "services.yaml").write_text("services: 1\n")
    assert uninstall(systemd, str(stack / "services.yaml")) == [file]


def test_without_systemd_it_says_what_else_there_is(stack, mamctl, environ, tmp_path):
    with pytest.raises(MamctlError, match="does not run under systemd") as told:
        Systemd(Scope.SYSTEM, environ, booted=str(tmp_path / "nowhere"), uid=0).require()
    assert "--print" in told.value.hint


def test_only_root_may_install_into_the_system(environ, tmp_path):
    with pytest.raises(MamctlError, match="only root may change /etc/systemd/system") as told:
        Systemd(Scope.SYSTEM, environ, booted=str(tmp_path), uid=1000).require()
    assert 'sudo env "PATH=$PATH"' in told.value.hint
    assert "--user" in told.value.hint


def test_a_users_unit_under_sudo_would_be_roots(environ, tmp_path):
    with pytest.raises(MamctlError, match="would be root's own"):
        Systemd(Scope.USER, {**environ, "SUDO_USER": "ann"}, booted=str(tmp_path), uid=0).require()
    Systemd(Scope.USER, environ, booted=str(tmp_path), uid=0).require()


def test_a_missing_systemctl_is_told(stack, environ, tmp_path):
    system = Systemd(
        Scope.SYSTEM, {**environ, "PATH": "/nowhere"}, folder=str(tmp_path / "u"), booted=str(tmp_path), uid=0
    )
    with pytest.raises(MamctlError, match="no systemctl on the PATH"):
        install(system, wanted(stack, environ))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write into any folder")
def test_a_folder_that_is_read_only_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(MamctlError, match="cannot be written: permission denied"):
        unitfile.write(str(tmp_path / "mamctl-mam.service"), "")


def test_a_folder_where_nobody_may_write_is_told():
    with pytest.raises(MamctlError, match="/proc/1/mamctl"):
        unitfile.write("/proc/1/mamctl-mam.service", "")


def test_a_launch_agent_is_written_and_told_how_to_load(stack, environ, asked):
    system = Launchd(Scope.USER, environ, uid=501)
    file = install(system, wanted(stack, environ, scope=Scope.USER))
    assert file == f"{environ['HOME']}/Library/LaunchAgents/mamctl.mam.plist"
    with open(file, "rb") as text:
        assert plistlib.load(text)["Label"] == "mamctl.mam"
    assert system.next_steps(file) == [f"start it now: `launchctl bootstrap gui/501 {file}`"]
    asked.write_text("")
    asked.with_name("active").touch()
    assert uninstall(system, str(stack / "services.yaml")) == [file]
    assert asked.read_text().splitlines() == ["print gui/501/mamctl.mam", "bootout gui/501/mamctl.mam"]


def test_a_launch_job_that_is_not_loaded_is_only_removed(stack, environ, tmp_path):
    system = Launchd(Scope.SYSTEM, environ, folder=str(tmp_path / "daemons"), uid=0)
    file = install(system, wanted(stack, environ))
    assert uninstall(system, str(stack / "services.yaml")) == [file]
    assert not os.path.exists(file)


def test_the_unit_gets_absolute_folders_of_the_path_each_once_and_the_home():
    given = unit_environ({"PATH": "/a:.:/b::bin:/a", "MAMCTL_HOME": "/h", "SECRET": "x"})
    assert given == {"PATH": "/a:/b", "MAMCTL_HOME": "/h"}


def test_a_variable_that_only_the_shell_has_is_told_now(stack, environ):
    manifest = stack / "services.yaml"
    manifest.write_text('services: {web: {command: [echo, "${TOKEN:?is needed}"]}}\n')
    with pytest.raises(ManifestError) as told:
        wanted(stack, {**environ, "TOKEN": "x"})
    assert "when the variables of this shell are missing" in told.value.message
    assert "TOKEN" in str(told.value.problems[0])
    with pytest.raises(ManifestError) as told:
        wanted(stack, environ)
    assert "shell" not in told.value.message


def test_a_program_that_the_unit_will_not_find_is_a_warning(stack, environ):
    manifest = stack / "services.yaml"
    manifest.write_text(
        "services: {a: {command: no-such-program}, b: {command: no-such-program}, c: {command: [sh]}}\n"
    )
    (told,) = warnings(*job_for(str(manifest), environ, scope=Scope.SYSTEM, profiles=()))
    assert told.startswith("no-such-program (of a, b) is not on the PATH that the unit gets")


def test_the_stack_runs_as_who_said_sudo_or_as_the_owner(stack, environ):
    manifest = str(stack / "services.yaml")
    assert account_of(manifest, environ, Scope.SYSTEM).pw_name == ME
    assert account_of(manifest, environ, Scope.USER).pw_name == ME
    if os.getuid() == 0:
        assert account_of(manifest, {"SUDO_USER": "daemon"}, Scope.SYSTEM).pw_name == "daemon"
        assert account_of(manifest, {"SUDO_USER": "daemon"}, Scope.USER).pw_name == "root"
        assert account_of(manifest, {"SUDO_USER": "root"}, Scope.SYSTEM).pw_name == "root"
        with pytest.raises(UsageError, match="does not exist: nobody-at-all"):
            account_of(manifest, {"SUDO_USER": "nobody-at-all"}, Scope.SYSTEM)


def test_the_stop_that_the_unit_waits_for_is_the_longest_of_the_manifest(stack, environ):
    assert wanted(stack, environ).stop_seconds == 60
    manifest = stack / "services.yaml"
    manifest.write_text("services: {a: {command: [sleep, '1'], stop: {grace: 2m}}}\n")
    assert wanted(stack, environ).stop_seconds == 245


def test_a_path_that_no_unit_can_hold_is_refused(tmp_path, environ):
    folder = tmp_path / "new\nline"
    folder.mkdir()
    (folder / "services.yaml").write_text("services: {}\n")
    with pytest.raises(UsageError, match="a unit cannot name"):
        wanted(folder, environ)


def test_a_path_too_long_for_a_socket_is_refused_for_the_system_only(tmp_path, environ):
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    (folder / "services.yaml").write_text("services: {}\n")
    with pytest.raises(UsageError, match="too long for the control socket"):
        wanted(folder, environ)
    assert wanted(folder, environ, scope=Scope.USER)
    assert wanted(folder, {**environ, "MAMCTL_HOME": "/m"}).environ["MAMCTL_HOME"] == "/m"


def test_the_interpreter_is_the_one_that_runs_this(stack, environ):
    assert wanted(stack, environ).python == sys.executable
