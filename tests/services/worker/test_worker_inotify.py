"""What is watched of a media folder, and what is heard of it, on Linux."""

import errno
import os
import threading
from pathlib import Path

import pytest
from running_backend import wait_for

from services.worker.app.scanning import inotify
from services.worker.app.scanning.inotify import Inotify
from services.worker.app.scanning.watcher import Watcher

pytestmark = pytest.mark.skipif(not inotify.is_there(), reason="only Linux has inotify; elsewhere it is watchfiles")


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    (folder / "trips" / "rome").mkdir(parents=True)
    return folder


@pytest.fixture
def watches(media):
    with Inotify(str(media), wanted=lambda path: not os.path.basename(path).startswith(".")) as made:
        yield made


def heard(watches, *, until) -> set[str]:
    """Return what is heard of, as paths in the folder, up to and with one of these."""
    found: set[str] = set()

    def told() -> bool:
        changes = watches.changes(wait_s=0.2, step_s=0.01, most_s=0.1)
        found.update(os.path.relpath(path, watches._base) for path in changes)
        return until in found

    wait_for(told, f"{until} is heard of")
    return found


def test_a_file_is_heard_of_in_every_folder_and_so_is_its_removal(watches, media):
    for path in ("a.jpg", "trips/b.jpg", "trips/rome/c.jpg"):
        (media / path).write_bytes(b"x")
        heard(watches, until=path)
        (media / path).unlink()
        heard(watches, until=path)


def test_a_folder_that_comes_is_watched_with_all_that_is_in_it(watches, media, tmp_path):
    (tmp_path / "new" / "inner").mkdir(parents=True)
    (tmp_path / "new").rename(media / "new")
    heard(watches, until="new")
    (media / "new" / "inner" / "a.jpg").write_bytes(b"x")
    heard(watches, until="new/inner/a.jpg")
    (media / "made" / "deep").mkdir(parents=True)
    heard(watches, until="made")
    (media / "made" / "deep" / "a.jpg").write_bytes(b"x")
    heard(watches, until="made/deep/a.jpg")


def test_a_folder_that_was_renamed_is_heard_of_by_its_new_name(watches, media):
    (media / "trips").rename(media / "travels")
    assert heard(watches, until="travels") == {"trips", "travels"}
    (media / "travels" / "rome" / "a.jpg").write_bytes(b"x")
    assert heard(watches, until="travels/rome/a.jpg") == {"travels/rome/a.jpg"}
    assert len(watches) == 3


def test_of_a_folder_that_was_moved_away_nothing_is_heard_any_more(watches, media, tmp_path):
    (media / "trips").rename(tmp_path / "away")
    heard(watches, until="trips")
    assert len(watches) == 1
    (tmp_path / "away" / "rome" / "a.jpg").write_bytes(b"x")
    (media / "last.jpg").write_bytes(b"x")
    assert heard(watches, until="last.jpg") == {"last.jpg"}


def test_a_removed_folder_costs_no_watch(watches, media):
    (media / "trips" / "rome").rmdir()
    heard(watches, until="trips/rome")
    wait_for(lambda: watches.changes(wait_s=0.05, step_s=0.01, most_s=0.1) == set() and len(watches) == 2, "it is off")


def test_links_and_unwanted_folders_cost_no_watch(media, tmp_path):
    for number in range(20):
        (tmp_path / "elsewhere" / str(number)).mkdir(parents=True)
    (media / "link").symlink_to(tmp_path / "elsewhere")
    (media / "up").symlink_to("..")
    (media / ".cache" / "x").mkdir(parents=True)
    with Inotify(str(media), wanted=lambda path: not os.path.basename(path).startswith(".")) as watches:
        assert len(watches) == 3
        (media / "link2").symlink_to(tmp_path / "elsewhere")
        heard(watches, until="link2")
        assert len(watches) == 3


def test_names_of_any_bytes_are_heard_of(watches, media):
    (media / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    heard(watches, until=os.fsdecode(b"\xff.jpg"))
    (media / "after.jpg").write_bytes(b"x")
    heard(watches, until="after.jpg")


def test_when_the_system_forgot_changes_all_is_looked_at_and_new_folders_are_watched(watches, media):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    if limit > 100_000:
        pytest.skip(f"the queue of this system holds {limit} events")
    rome, roma = os.fspath(media / "trips" / "rome"), os.fspath(media / "trips" / "roma")
    for _ in range(limit // 4 + 10):  # four events each
        os.rename(rome, roma)
        os.rename(roma, rome)
    (media / "trips" / "late").mkdir()
    heard(watches, until=".")
    (media / "trips" / "late" / "a.jpg").write_bytes(b"x")
    heard(watches, until="trips/late/a.jpg")


def test_too_many_watches_are_an_error(media, monkeypatch):
    class Full:
        def inotify_init1(self, flags):
            return os.open("/dev/null", os.O_RDONLY)

        def inotify_add_watch(self, *_):
            return -1

    monkeypatch.setattr(inotify.ctypes, "CDLL", lambda *_, **__: Full())
    monkeypatch.setattr(inotify.ctypes, "get_errno", lambda: errno.ENOSPC)
    with pytest.raises(OSError, match="No space") as told:
        Inotify(str(media), wanted=lambda _path: True)
    assert told.value.errno == errno.ENOSPC


def test_a_folder_with_an_odd_name_and_a_link_upwards_do_not_end_the_watch(media):
    (media / "up").symlink_to("..")
    (media / os.fsdecode(b"odd\xff")).mkdir()
    watcher, found, number = Watcher(media, threading.Event()), set(), iter(range(1000))
    watcher.keep()
    try:

        def told() -> bool:
            (media / os.fsdecode(b"odd\xff") / "a.jpg").write_bytes(b"x")
            (media / os.fsdecode(b"\xfe")).mkdir(exist_ok=True)
            (media / "trips" / f"{next(number)}.jpg").write_bytes(b"x")
            found.update(watcher.take())
            return "trips" in found

        wait_for(told, "a change is heard of")
        assert watcher.is_watching
        assert found == {"trips"}
    finally:
        watcher.stop()
