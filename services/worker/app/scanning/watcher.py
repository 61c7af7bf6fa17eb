"""Hearing of changes in a media folder as they happen, beside the scans that find them anyway.

The system watches folders, not files: one watch each. Their number is bounded for all programs of a user together, so
where the library would need most of it, it is left to the scans. Network disks tell nothing; there the scans do it too.
"""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from services.backend.app.services.media_types import media_type_of

from . import inotify
from .walk import is_plain

LIMIT_FILE = Path("/proc/sys/fs/inotify/max_user_watches")
SHARE = 0.8
MANY = 200
"""So many folders changed at once are one scan of everything."""

DEBOUNCE_MS = 300
STEP_MS = 50
LOOK_MS = 500

log = logging.getLogger("mam.watch")


class Watcher:
    """A thread that gathers folders whose content changed. ``heard`` is set when there are some."""

    def __init__(self, folder: Path, heard: threading.Event) -> None:
        self._folder = folder
        self._heard = heard
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched: tuple[int, int] | None = None
        self._has_failed = False

    @property
    def is_watching(self) -> bool:
        """Whether changes are heard of."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_lost(self) -> bool:
        """Whether the folder that is watched is not where it was: away, or another one is in its place."""
        return self._watched is not None and _identity(self._folder) != self._watched

    def keep(self) -> None:
        """Watch the folder that is there now: begin to, or anew when that which was watched is another one."""
        there = _identity(self._folder)
        if self.is_watching and there == self._watched:
            return
        self.stop()
        if there is None:
            return
        self._watched = there
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="watcher", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the watch end soon."""
        self._stopping.set()

    def stop(self) -> None:
        """End the watch."""
        self.end()
        if self._thread is not None:
            self._thread.join(2 * LOOK_MS / 1000)
        self._thread = self._watched = None

    def take(self) -> list[str]:
        """Return the folders that changed since the last call, relative; [""] when that is everything."""
        with self._lock:
            changed, self._changed = self._changed, set()
        if len(changed) > MANY or "" in changed:
            return [""] if changed else []
        return [folder for folder in sorted(changed) if not _has_parent(folder, changed)]

    def _run(self, stopping: threading.Event) -> None:
        base = os.path.realpath(self._folder)
        heard = _by_inotify if inotify.is_there() else _by_watchfiles
        try:
            for paths in heard(base, stopping):
                self._note(paths, base)
        except (OSError, RuntimeError) as error:
            if not self._has_failed:  # once: it is tried again after every scan
                why = error.strerror if isinstance(error, OSError) else type(error).__name__
                log.warning("a media folder cannot be watched; scans find changes: %s", why)
            self._has_failed = True

    def _note(self, paths: set[str], base: str) -> None:
        folders = {folder for path in paths if (folder := _folder_of(path, base)) is not None}
        if not folders:
            return
        with self._lock:
            self._changed |= folders
        self._heard.set()


def _by_inotify(base: str, stopping: threading.Event) -> Iterator[set[str]]:
    def is_walked(folder: str) -> bool:
        relative = os.path.relpath(folder, base)
        return not os.path.basename(folder).startswith(".") and is_plain(relative)

    with inotify.Inotify(base, wanted=is_walked) as watches:
        while not stopping.is_set():
            yield watches.changes(wait_s=LOOK_MS / 1000, step_s=STEP_MS / 1000, most_s=DEBOUNCE_MS / 1000)


def _by_watchfiles(base: str, stopping: threading.Event) -> Iterator[set[str]]:
    """Hear of changes where there is no inotify."""
    from watchfiles import watch

    for changes in watch(
        base, debounce=DEBOUNCE_MS, step=STEP_MS, rust_timeout=LOOK_MS, watch_filter=None,
        stop_event=stopping, raise_interrupt=False, ignore_permission_denied=True,
    ):  # fmt: skip
        yield {path for _, path in changes}


def _folder_of(path: str, base: str) -> str | None:
    """Return the folder to scan for a change at ``path``; None when it is none of ours."""
    relative = os.path.relpath(path, base).replace(os.sep, "/")
    if relative.startswith("..") or any(part.startswith(".") for part in relative.split("/") if part != "."):
        return None
    if relative == ".":
        return ""
    is_medium = media_type_of(relative) is not None
    folder = relative.rpartition("/")[0] if is_medium else relative
    if folder and not is_plain(folder):
        return None  # a scan does not go there
    # No medium: if it is a folder that came, what is in it may have been there before we heard of it; if nothing is
    # there any more, it may have been a folder. Other files are nothing to us.
    return None if not is_medium and os.path.isfile(path) else folder


def _has_parent(folder: str, folders: set[str]) -> bool:
    parts = folder.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts)))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def allowed_watches() -> int | None:
    """Return how many folders the system lets a user watch; None when there is no such limit."""
    try:
        return int(LIMIT_FILE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
