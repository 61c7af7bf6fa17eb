"""What is watched: all that is named and not ignored, whoever made it, and nothing twice."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile

import pytest

from mamctl.core.manifest.watching import Watch
from mamctl.runtime.filewatch import survey as module
from mamctl.runtime.filewatch.survey import Survey, survey


def fill(folder, *paths):
    """Make empty files, and folders for names that end with a slash."""
    for path in paths:
        target = folder / path
        (target if path.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            target.write_text("")


def look(folder, *paths, ignore=(), avoid=()):
    return survey({"app": Watch(tuple(str(folder / path) for path in paths or (".",)), ignore)}, avoid)


def folders(folder, found):
    return sorted(os.path.relpath(path, folder) for path in found.folders)


def test_all_folders_but_the_ignored_ones_are_watched(tmp_path):
    fill(tmp_path, "src/a/b.py", "src/node_modules/x/y.js", "src/.git/objects/00/x", "src/empty/", "other/x")
    assert folders(tmp_path, look(tmp_path, "src")) == ["src", "src/a", "src/empty"]


def test_a_pattern_of_the_service_ignores_folders_too(tmp_path):
    fill(tmp_path, "dist/a.js", "src/dist/b.js", "src/a.js")
    assert folders(tmp_path, look(tmp_path, ignore=("/dist",))) == [".", "src", "src/dist"]


def test_our_own_folders_are_avoided(tmp_path):
    fill(tmp_path, "logs/app.out", "src/logs/reader.py")
    found = look(tmp_path, avoid=[str(tmp_path / "logs")])
    assert folders(tmp_path, found) == [".", "src", "src/logs"]


@pytest.mark.parametrize(
    ("path", "concerned"),
    [("src/app.py", ["app"]), ("src/app.pyc", []), ("src/a/b.py", ["app"]), ("elsewhere/x", []), ("src", [])],
)
def test_a_file_concerns_who_watches_it(tmp_path, path, concerned):
    fill(tmp_path, "src/app.py", "src/a/b.py")
    assert list(look(tmp_path, "src").concerned(str(tmp_path / path))) == concerned


def test_one_file_can_be_watched_alone(tmp_path):
    fill(tmp_path, "config.toml", "other.toml")
    found = look(tmp_path, "config.toml")
    assert list(found.concerned(str(tmp_path / "config.toml"))) == ["app"]
    assert list(found.concerned(str(tmp_path / "other.toml"))) == []
    assert list(found.files()) == [str(tmp_path / "config.toml")]


def test_a_file_that_is_named_counts_even_if_its_like_is_ignored(tmp_path):
    fill(tmp_path, "app.log")
    assert list(look(tmp_path, "app.log").concerned(str(tmp_path / "app.log"))) == ["app"]


def test_two_services_that_watch_one_folder_ignore_different_things(tmp_path):
    fill(tmp_path, "a.md")
    folder = str(tmp_path)
    found = survey({"web": Watch((folder,)), "api": Watch((folder,), ("*.md",))})
    assert list(found.concerned(f"{folder}/a.md")) == ["web"]
    assert list(found.concerned(f"{folder}/a.py")) == ["web", "api"]


def test_links_are_followed_once(tmp_path):
    fill(tmp_path, "shared/x.py", "src/a.py")
    (tmp_path / "src/shared").symlink_to(tmp_path / "shared")
    (tmp_path / "src/round").symlink_to(tmp_path / "src")
    found = look(tmp_path, "src")
    assert folders(tmp_path, found) == ["src", "src/shared"]
    assert list(found.concerned(str(tmp_path / "src/shared/x.py"))) == ["app"]


def test_a_path_that_is_a_link_may_be_pointed_elsewhere(tmp_path):
    fill(tmp_path, "releases/1/a.py", "releases/2/a.py")
    link = tmp_path / "current"
    link.symlink_to("releases/1")
    found = look(tmp_path, "current")
    assert folders(tmp_path, found) == [".", "releases/1"]
    link.unlink()
    link.symlink_to("releases/2")
    assert found.outdated_by(str(link))
    assert str(tmp_path / "releases/2/a.py") in look(tmp_path, "current").appeared(found)


def test_what_is_not_there_is_missing_until_it_appears(tmp_path):
    before = look(tmp_path, "later", "later.toml")
    assert before.missing == {str(tmp_path / "later"), str(tmp_path / "later.toml")}
    fill(tmp_path, "later/a/b.py", "later.toml")
    after = look(tmp_path, "later", "later.toml")
    assert after.missing == set()
    changed = [path for path in after.appeared(before) if list(after.concerned(path))]
    assert sorted(changed) == [str(tmp_path / "later.toml"), str(tmp_path / "later/a/b.py")]


def test_a_folder_that_went_away_concerns_who_lost_files_with_it(tmp_path):
    fill(tmp_path, "src/used/a.py", "src/empty/")
    found = look(tmp_path, "src")
    (tmp_path / "src/used").rename(tmp_path / "used")
    (tmp_path / "src/empty").rmdir()
    assert list(found.concerned(str(tmp_path / "src/used"))) == ["app"]
    assert list(found.concerned(str(tmp_path / "src/empty"))) == []


def test_an_ignored_folder_that_went_away_is_nobodys_news(tmp_path):
    fill(tmp_path, "src/a.py")
    assert list(look(tmp_path, "src").concerned(str(tmp_path / "src/__pycache__"))) == []


def test_no_more_folders_are_watched_than_is_reasonable(tmp_path, monkeypatch):
    fill(tmp_path, *(f"{number}/" for number in range(5)))
    monkeypatch.setattr(module, "MOST_FOLDERS", 3)
    found = look(tmp_path)
    assert (len(found.folders), found.full) == (3, True)


def test_a_folder_that_may_not_be_read_is_left_out():
    with tempfile.TemporaryDirectory() as name:
        pathlib.Path(name).chmod(0o777)
        _look_as_nobody(pathlib.Path(name, "project"))


def _look_as_nobody(folder):
    with as_nobody():
        fill(folder, "src/a.py", "src/closed/x.py")
        (folder / "src/closed").chmod(0o000)
        try:
            assert folders(folder, look(folder, "src")) == ["src"]
        finally:
            (folder / "src/closed").chmod(0o700)
            shutil.rmtree(folder)


@contextlib.contextmanager
def as_nobody():
    """Have the rights of an ordinary user: nothing is closed to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_disappears_while_we_look_is_not_there(tmp_path):
    found = Survey()
    found.folders[str(tmp_path / "gone")] = look(tmp_path).folders[str(tmp_path)]
    assert found.files() == {}
