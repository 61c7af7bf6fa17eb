"""Both who sees changes see the same ones: the system's word, and looking at all files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from mamctl.core.manifest.watching import Watch
from mamctl.runtime.filewatch import eyes as module
from mamctl.runtime.filewatch.eyes import BlindError, Looking, Told
from mamctl.runtime.filewatch.survey import survey

DEADLINE = 10.0


@pytest.fixture(params=["told", "looking"])
def watching(request, tmp_path, monkeypatch):
    """A folder with a file, and a function that waits for the next changes in it."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.02)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("one")
    watches = {"app": Watch((str(tmp_path / "src"),))}
    found = survey(watches)
    eyes = Told(found) if request.param == "told" else Looking(found, lambda: survey(watches))
    never = threading.Event()

    def changed(path):
        """Wait until this path is among the changes."""
        until = time.monotonic() + DEADLINE
        seen = set()
        while time.monotonic() < until:
            seen |= eyes.wait(0.1, never)
            if str(tmp_path / path) in seen:
                return seen
        raise AssertionError(f"{path} is not among {seen}")

    yield tmp_path, changed
    eyes.close()


def test_a_file_that_is_written_anew(watching):
    folder, changed = watching
    (folder / "src/app.py").write_text("two!")
    changed("src/app.py")


def test_a_file_that_is_written_twice_within_a_second(watching):
    folder, changed = watching
    for text in ("two", "six", "ten"):
        (folder / "src/app.py").write_text(text)
        changed("src/app.py")


def test_a_file_that_is_saved_by_renaming(watching):
    folder, changed = watching
    (folder / "src/.app.py.tmp").write_text("two")
    (folder / "src/.app.py.tmp").rename(folder / "src/app.py")
    changed("src/app.py")


def test_a_new_file_and_one_that_goes(watching):
    folder, changed = watching
    (folder / "src/new.py").write_text("")
    changed("src/new.py")
    (folder / "src/new.py").unlink()
    changed("src/new.py")


def test_a_new_folder(watching):
    folder, changed = watching
    (folder / "src/sub").mkdir()
    changed("src/sub")


def test_the_folder_itself_goes(watching):
    folder, changed = watching
    (folder / "src").rename(folder / "elsewhere")
    changed("src")


def test_the_folder_and_all_in_it_is_removed(watching):
    folder, changed = watching
    shutil.rmtree(folder / "src")
    changed("src/app.py")


def test_reading_is_no_change(watching):
    folder, changed = watching
    (folder / "src/app.py").read_text()
    (folder / "src/end.py").write_text("")
    assert str(folder / "src/app.py") not in changed("src/end.py")


def test_what_came_and_went_at_once_is_none(watching):
    folder, changed = watching
    (folder / "src/sedXYZ").write_text("")
    (folder / "src/sedXYZ").unlink()
    (folder / "src/end.py").write_text("")
    assert str(folder / "src/sedXYZ") not in changed("src/end.py")


def test_to_be_stopped_ends_the_wait(tmp_path):
    stop = threading.Event()
    stop.set()
    eyes = Told(survey({"app": Watch((str(tmp_path),))}))
    assert eyes.wait(None, stop) is None
    eyes.close()
    assert Looking(survey({}), lambda: survey({})).wait(None, stop) is None


def test_what_is_told_while_other_folders_are_looked_up_is_not_lost(tmp_path):
    watches = {"app": Watch((str(tmp_path),))}
    first = Told(survey(watches))
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").write_text("")
    found = survey(watches)
    eyes = first.follow(found)
    seen = eyes.wait(1.0, threading.Event())
    eyes.close()
    assert str(tmp_path / "a.py") in seen


def test_a_folder_that_is_gone_already_is_looked_up_again_by_the_caller(tmp_path):
    (tmp_path / "src").mkdir()
    found = survey({"app": Watch((str(tmp_path / "src"),))})
    (tmp_path / "src").rmdir()
    with pytest.raises(FileNotFoundError):
        Told(found)


def test_looking_at_many_files_takes_a_small_part_of_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(module, "SHARE", 0.5)
    eyes = Looking(survey({}), lambda: time.sleep(0.05) or survey({}))
    eyes.wait(None, threading.Event())
    began = time.monotonic()
    eyes.wait(None, threading.Event())
    assert time.monotonic() - began >= 0.15


LIMITED = """
import os, sys
from mamctl.core.manifest.watching import Watch
from mamctl.runtime.filewatch.eyes import BlindError, Told
from mamctl.runtime.filewatch.survey import survey

with open("/proc/sys/user/" + sys.argv[2], "w") as file:
    file.write(sys.argv[3])
try:
    Told(survey({"app": Watch((sys.argv[1],))}))
except BlindError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("limit", "number", "message", "hint"),
    [
        ("max_inotify_watches", "3", "no more watches", "fs.inotify.max_user_watches"),
        ("max_inotify_instances", "0", "no more watchers", "fs.inotify.max_user_instances"),
    ],
)
def test_a_limit_of_the_system_is_told_with_what_raises_it(tmp_path, limit, number, message, hint):
    """In a user namespace of its own, where the limit is ours to set."""
    for name in "abcdef":
        (tmp_path / name).mkdir()
    command = ["unshare", "-Ur", sys.executable, "-c", LIMITED, str(tmp_path), limit, number]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if "unshare" in done.stderr or "Permission denied: '/proc/sys/user" in done.stderr:
        pytest.skip(f"this system grants no user namespace: {done.stderr.strip().splitlines()[-1]}")
    said, _, help_ = done.stdout.partition("|")
    assert message in said, done.stderr
    assert hint in help_


def test_nobody_asks_the_system_when_it_is_to_be_done_without(tmp_path):
    script = (
        "from mamctl.runtime.filewatch.eyes import *\nfrom mamctl.runtime.filewatch.survey import Survey\n"
        "try:\n    Told(Survey())\nexcept BlindError as error:\n    print(error.message)"
    )
    environ = {**os.environ, "MAMCTL_WITHOUT": "inotify"}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert "MAMCTL_WITHOUT" in done.stdout


def test_any_other_trouble_is_told_as_it_is(monkeypatch):
    def refuse(*_):
        raise RuntimeError("it went wrong")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", refuse)
    with pytest.raises(BlindError, match="it went wrong"):
        Told(survey({}))
