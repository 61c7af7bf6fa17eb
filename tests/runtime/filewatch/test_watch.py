"""The watcher as a whole, with real files: who is told, of what, and what it does when it cannot see."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from contextlib import asynccontextmanager

import pytest

from mamctl.core.manifest.watching import Watch
from mamctl.runtime.filewatch import FileWatch
from mamctl.runtime.filewatch import eyes as eyes_module
from mamctl.runtime.filewatch import watch as module
from mamctl.runtime.filewatch.eyes import BlindError

DEADLINE = 10.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(module, "AFTER", 0.0)
    monkeypatch.setattr(module, "MISSING_EVERY", 0.05)
    monkeypatch.setattr(eyes_module, "LOOK_EVERY", 0.02)


class Seen:
    """What was told, and a way to wait for it."""

    def __init__(self):
        self.told, self.warnings = [], []
        self._more = asyncio.Event()

    def hear(self, changes):
        self.told.append(changes)
        self._more.set()

    def warn(self, sentence):
        self.warnings.append(sentence)
        self._more.set()

    async def until(self, test):
        async with asyncio.timeout(DEADLINE):
            while not test(self):
                await self._more.wait()
                self._more.clear()


def watch(*paths, **keys):
    return Watch(tuple(map(str, paths)), **{"debounce": 0.05, **keys})


@asynccontextmanager
async def watched(folder, watches):
    """Watch; begin when it does see."""
    seen = Seen()
    ready = folder / "is-watching"
    loop = asyncio.get_running_loop()
    files = FileWatch(loop, folder=str(folder), avoid=[str(folder / "logs")], touched=seen.hear, warn=seen.warn)
    try:
        files.take({**watches, "_": watch(ready)})
        ready.write_text("")
        await seen.until(lambda seen: seen.told)
        seen.told.clear()
        yield files, seen
    finally:
        files.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "filewatch"]


def scenario(folder, watches, do, expected):
    async def run():
        async with watched(folder, watches) as (_, seen):
            do()
            await seen.until(lambda seen: seen.told)
            return seen.told[0]

    assert asyncio.run(run()) == expected


def test_a_save_is_told_to_who_watches_the_file(tmp_path):
    (tmp_path / "src").mkdir()
    watches = {"app": watch(tmp_path / "src"), "other": watch(tmp_path / "src", ignore=("*.py",))}
    scenario(tmp_path, watches, (tmp_path / "src/app.py").touch, {"app": "src/app.py changed"})


def test_a_file_in_a_new_folder_is_told_and_so_is_the_next_one(tmp_path):
    (tmp_path / "src").mkdir()

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "src")}) as (_, seen):
            (tmp_path / "src/a/b").mkdir(parents=True)
            (tmp_path / "src/a/b/c.py").touch()
            await seen.until(lambda seen: seen.told)
            (tmp_path / "src/a/b/d.py").touch()
            await seen.until(lambda seen: len(seen.told) == 2)
            return seen.told

    assert asyncio.run(run()) == [{"app": "src/a/b/c.py changed"}, {"app": "src/a/b/d.py changed"}]


def test_an_empty_folder_that_comes_and_goes_is_not_told(tmp_path):
    (tmp_path / "src").mkdir()

    def do():
        (tmp_path / "src/tmp").mkdir()
        (tmp_path / "src/tmp").rmdir()
        (tmp_path / "src/__pycache__").mkdir()
        (tmp_path / "src/__pycache__/x.pyc").touch()
        shutil.rmtree(tmp_path / "src/__pycache__")
        (tmp_path / "src/end.py").touch()

    scenario(tmp_path, {"app": watch(tmp_path / "src")}, do, {"app": "src/end.py changed"})


def test_a_path_that_appears_later_is_told_and_watched_from_then_on(tmp_path):
    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "later/src")}) as (_, seen):
            (tmp_path / "later/src").mkdir(parents=True)
            (tmp_path / "later/src/a.py").touch()
            await seen.until(lambda seen: seen.told)
            (tmp_path / "later/src/b.py").touch()
            await seen.until(lambda seen: len(seen.told) == 2)
            return seen.told[1]

    assert asyncio.run(run()) == {"app": "later/src/b.py changed"}


def test_a_watched_folder_that_is_replaced_is_watched_again(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").touch()

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "src")}) as (_, seen):
            (tmp_path / "src").rename(tmp_path / "old")
            await seen.until(lambda seen: seen.told)
            (tmp_path / "src").mkdir()
            (tmp_path / "src/a.py").write_text("new")
            await seen.until(lambda seen: len(seen.told) == 2)
            (tmp_path / "src/a.py").write_text("newer")
            await seen.until(lambda seen: len(seen.told) == 3)
            return seen.told

    assert asyncio.run(run())[1:] == [{"app": "src/a.py changed"}] * 2


def test_a_link_that_is_pointed_elsewhere_is_followed(tmp_path):
    for number in "12":
        (tmp_path / number).mkdir()
        (tmp_path / number / "a.py").touch()
    (tmp_path / "current").symlink_to("1")

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "current")}) as (_, seen):
            (tmp_path / "next").symlink_to("2")
            (tmp_path / "next").rename(tmp_path / "current")
            await seen.until(lambda seen: seen.told)
            (tmp_path / "2/b.py").touch()
            await seen.until(lambda seen: len(seen.told) == 2)
            return seen.told[1]

    assert asyncio.run(run()) == {"app": "2/b.py changed"}


def test_a_checkout_of_a_thousand_files_is_told_once(tmp_path):
    repository = tmp_path / "src"
    repository.mkdir()

    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words],
            cwd=repository,
            check=True,
            capture_output=True,
        )

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "nothing")
    git("branch", "empty")
    for number in range(1000):
        path = repository / f"d{number % 50}" / f"{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    git("add", ".")
    git("commit", "-q", "-m", "many")
    git("checkout", "-q", "empty")

    async def run():
        async with watched(tmp_path, {"app": watch(repository, debounce=0.5)}) as (_, seen):
            git("checkout", "-q", "-")
            await seen.until(lambda seen: seen.told)
            (repository / "end").touch()
            await seen.until(lambda seen: len(seen.told) > 1)
            return seen.told

    first, second = asyncio.run(run())
    assert first["app"].endswith(" and 999 more changed")
    assert second == {"app": "src/end changed"}


def test_another_wish_replaces_the_first(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "a")}) as (files, seen):
            files.take({"app": watch(tmp_path / "b")})
            (tmp_path / "a/x.py").touch()
            (tmp_path / "b/x.py").touch()
            await seen.until(lambda seen: seen.told)
            return seen.told

    assert asyncio.run(run()) == [{"app": "b/x.py changed"}]


def test_what_changes_before_anybody_looks_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AFTER", 0.2)
    (tmp_path / "old.py").touch()
    os.utime(tmp_path / "old.py", (1, 1))

    async def run():
        seen = Seen()
        loop = asyncio.get_running_loop()
        files = FileWatch(loop, folder=str(tmp_path), avoid=[], touched=seen.hear, warn=seen.warn)
        files.take({"app": watch(tmp_path)})
        (tmp_path / "new.py").write_text("")
        await seen.until(lambda seen: seen.told)
        files.close()
        return seen.told

    assert asyncio.run(run())[0] == {"app": "new.py changed"}


def test_where_the_system_does_not_tell_it_looks_and_says_so(tmp_path, monkeypatch):
    def blind(_found):
        raise BlindError("the system grants no more watches", "`sysctl x=1` grants more")

    monkeypatch.setattr(module, "Told", blind)
    (tmp_path / "src").mkdir()

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "src")}) as (_, seen):
            (tmp_path / "src/sub").mkdir()
            (tmp_path / "src/sub/a.py").write_text("")
            await seen.until(lambda seen: seen.told)
            (tmp_path / "src/sub/a.py").write_text("more")
            await seen.until(lambda seen: len(seen.told) == 2)
            return seen

    seen = asyncio.run(run())
    assert seen.told == [{"app": "src/sub/a.py changed"}] * 2
    (warning,) = seen.warnings
    assert warning.startswith("files are looked at every second, because the system grants no more watches; `sysctl")


def test_watches_that_run_out_later_are_no_end_of_watching(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()

    async def run():
        async with watched(tmp_path, {"app": watch(tmp_path / "src")}) as (_, seen):
            monkeypatch.setattr(eyes_module, "_notify", refuse)
            (tmp_path / "src/sub").mkdir()
            (tmp_path / "src/sub/a.py").write_text("")
            await seen.until(lambda seen: seen.told)
            (tmp_path / "src/sub/a.py").write_text("more")
            await seen.until(lambda seen: len(seen.told) == 2)
            return seen

    def refuse(_folders):
        raise BlindError("no more", None)

    assert asyncio.run(run()).warnings == ["files are looked at every second, because no more"]


def test_a_defect_of_the_watcher_is_told(tmp_path, monkeypatch):
    def broken(*_):
        raise ValueError("a defect")

    monkeypatch.setattr(module, "survey", broken)

    async def run():
        seen = Seen()
        loop = asyncio.get_running_loop()
        files = FileWatch(loop, folder=str(tmp_path), avoid=[], touched=seen.hear, warn=seen.warn)
        files.take({"app": watch(tmp_path)})
        await seen.until(lambda seen: seen.warnings)
        files.close()
        return seen.warnings

    assert asyncio.run(run()) == ["files are watched no more, for the watcher itself failed: a defect"]
