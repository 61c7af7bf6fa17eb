"""Units as text: what systemd says about them, and the settings that keep services alive."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from tempfile import TemporaryDirectory

import pytest

from mamctl.convert.units.job import Job, Scope, can_be_named, marker, written_for
from mamctl.convert.units.systemd import assignment, command_line, folder_line, unit, unit_name

# Folders and files that people have, and some that nobody should.
NAMES = [
    "plain", "two words", "end ", " begin", "ünïcödé", "日本語", "🎬",
    "100% sure", "%n %h %%", "%", "$HOME", "${HOME} $$", "$",
    'a "quoted" one', "it's", "'single", '"double', '\\"',
    "back\\slash", "end\\", "\\\\", "\\", "tab\\t", "\\x41", "\\u0041",
    ";", "#hash", "a=b", "-dash", "~", "@host", "!", "+", ":", "*?[a]", "{a,b}", "a;b&c|d>e",
]  # fmt: skip

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt-get install systemd)"
)


def job(**changes):
    return Job(**{"name": "mam", "python": sys.executable, "manifest": "/srv/mam/services.yaml", **changes})


def settings(text, section="Service"):
    parser = RawConfigParser(strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return dict(parser[section])


def verify(folder, *texts, user=False):
    """What systemd-analyze says about units: anything at all is a failure, whatever it ends with."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(str(folder / f"mamctl-{number}.service"))
        (folder / f"mamctl-{number}.service").write_text(text, encoding="utf-8")
    # Short: sockets of the system's own units have their paths in it, and one that is too long is spoken of.
    with TemporaryDirectory() as runtime:
        done = subprocess.run(
            ["systemd-analyze", *(["--user"] if user else []), "verify", *paths],
            env={**os.environ, "XDG_RUNTIME_DIR": runtime}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_has_nothing_to_say_about_a_unit_of_the_system(tmp_path):
    assert verify(tmp_path, unit(job()), unit(job(user="daemon", profiles=("ai", "gpu")))) == ""


@needs_systemd
def test_systemd_has_nothing_to_say_about_a_unit_of_a_user(tmp_path):
    assert verify(tmp_path, unit(job(scope=Scope.USER)), user=True) == ""


@needs_systemd
def test_systemd_has_nothing_to_say_about_strange_paths(tmp_path):
    texts = []
    for name in NAMES:
        folder = tmp_path / f"in {name}"
        folder.mkdir()
        python = folder / f"python {name}"
        python.symlink_to(sys.executable)
        manifest = str(folder / name)
        texts.append(
            unit(job(python=str(python), manifest=manifest, profiles=(name,), environ={"PATH": f"/bin:{folder}"}))
        )
    assert verify(tmp_path, *texts) == ""


@needs_systemd
def test_what_verifies_units_sees_a_mistake_in_one(tmp_path):
    assert "Unknown key" in verify(tmp_path, unit(job()).replace("WatchdogSec", "WatchDogSec"))


def test_what_is_started_is_told_by_notification_and_watched():
    found = settings(unit(job()))
    assert (found["Type"], found["NotifyAccess"], found["WatchdogSec"]) == ("notify", "main", "30s")


def test_services_live_on_when_the_main_process_is_killed():
    found = settings(unit(job()))
    assert (found["KillMode"], found["OOMPolicy"], found["Delegate"]) == ("process", "continue", "yes")


def test_it_comes_back_however_often_it_is_killed_but_not_after_an_end_in_order():
    text = unit(job())
    assert settings(text)["Restart"] == "always"
    assert settings(text, "Unit")["StartLimitIntervalSec"] == "0"
    assert settings(text)["RestartPreventExitStatus"].split() == ["0", "2", "129", "130", "143"]


def test_systemd_waits_longer_than_down_which_waits_longer_than_the_services():
    found = settings(unit(job(stop_seconds=100.5)))
    assert found["ExecStop"].endswith("down --timeout 101s")
    assert found["TimeoutStopSec"] == "131s"


def test_a_stop_on_the_way_back_from_a_kill_stops_the_services_too_but_a_kill_stops_none(tmp_path):
    words = shlex.split(settings(unit(job()))["ExecStopPost"].replace("$$", "$"))
    words[3:] = ["/bin/echo", *words[4:]]
    for result, said in (("success", "down --timeout 60s\n"), ("signal", ""), ("watchdog", ""), ("exit-code", "")):
        done = subprocess.run(
            words, env={"SERVICE_RESULT": result}, capture_output=True, text=True, check=True, timeout=10
        )
        assert done.stdout.endswith(said)
        assert bool(done.stdout) is bool(said)


def test_a_unit_of_the_system_has_a_user_and_starts_at_boot():
    text = unit(job(user="ann"))
    assert settings(text)["User"] == "ann"
    assert settings(text, "Install")["WantedBy"] == "multi-user.target"
    assert settings(text, "Unit")["After"] == "network.target"


def test_a_unit_of_a_user_names_nobody_and_starts_at_login():
    text = unit(job(user="ann", scope=Scope.USER))
    assert "User" not in settings(text)
    assert settings(text, "Install")["WantedBy"] == "default.target"
    assert "After" not in settings(text, "Unit")


def test_profiles_are_given_when_it_is_started_and_when_it_is_reloaded():
    found = settings(unit(job(profiles=("ai", "gpu"))))
    assert found["ExecStart"].endswith("-f /srv/mam/services.yaml supervise --profile ai --profile gpu")
    assert found["ExecReload"].endswith("up --detach --timeout 90s --profile ai --profile gpu")


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain-word", "plain-word"),
        ("", '""'),
        ("two words", '"two words"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ("a\"b\\c'd", '"a\\"b\\\\c\'d"'),
        (";", '";"'),
        ("ü", '"ü"'),
    ],
)
def test_an_argument_is_written_so_that_nothing_in_it_is_read_as_anything_else(word, written):
    assert command_line(["/p", word]) == f'"/p" {written}'


@pytest.mark.parametrize("letter", ["'", '"', "\\", "$"])
def test_a_program_that_systemd_would_refuse_is_started_through_a_shell_that_becomes_it(letter):
    line = command_line([f"/p{letter}", "a"])
    assert line.startswith('"/bin/sh" -c "exec \\"$$0\\" \\"$$@\\"" "/p')


def test_a_variable_expands_nothing():
    assert assignment("PATH", '/a b:/c%d:/$e"') == '"PATH=/a b:/c%%d:/$e\\""'


@pytest.mark.parametrize(
    ("path", "written"), [("/a b", "/a b"), ("/a%h", "/a%%h"), ("/a ", "/a /"), ("/a\\", "/a\\/"), ('/"a"', '/"a"')]
)
def test_a_folder_keeps_its_last_letter(path, written):
    assert folder_line(path) == written


@pytest.mark.parametrize("name", [*NAMES, "a--b", 'quote " and \\"', "new\nline"])
def test_a_unit_tells_for_which_manifest_it_is(name):
    text = unit(job(manifest=f"/srv/{name}/services.yaml"))
    assert written_for(text) == f"/srv/{name}/services.yaml"
    assert text.splitlines()[0].isascii()


@pytest.mark.parametrize("text", ["", "[Service]\nExecStart=/bin/true\n", '# Written by mamctl install for "\\u12"\n'])
def test_what_anybody_else_wrote_is_not_ours(text):
    assert written_for(text) is None


def test_a_marker_can_stand_in_the_comment_of_a_property_list():
    assert "--" not in marker("/a--b/c-d")


@pytest.mark.parametrize("name", NAMES)
def test_these_names_can_be_written_into_a_unit(name):
    assert can_be_named(name)


@pytest.mark.parametrize("name", ["new\nline", "bell\a", "delete\x7f", "not\udce9utf8", "\ufdd0", "\uffff", "\x85"])
def test_these_cannot(name):
    assert not can_be_named(name)


def test_the_name_of_the_unit_is_that_of_the_stack():
    assert unit_name("mam-2.x") == "mamctl-mam-2.x.service"
