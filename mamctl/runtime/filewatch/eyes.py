"""Who tells that files changed: the system, through `watchfiles`, or a look at all of them now and then.

Both wait in a thread of their own and answer with the paths that changed; None: they were told to stop.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from mamctl.core.errors import MamctlError
from mamctl.runtime.without import lacks

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from watchfiles._rust_notify import RustNotify

    from mamctl.runtime.filewatch.survey import Survey

# The library looks this often whether the system told something, or whether it is to stop. Milliseconds.
STEP = 50
# What the system said while other folders were looked up is heard within this time. Milliseconds.
LAST_WORDS = 5
_ADDED, _DELETED = 1, 3
# Looking at all files: this often, and never for more than this part of the time. Seconds.
LOOK_EVERY, SHARE = 1.0, 0.05


class Eyes(Protocol):
    """Somebody who sees changes in the folders of one survey."""

    def wait(self, seconds: float | None, stop: threading.Event) -> set[str] | None:
        """Return paths that changed, none after so many seconds, or None once it is to stop."""

    def follow(self, found: Survey) -> Eyes:
        """Return who sees the folders of another survey; this one does no more. Raises BlindError."""

    def close(self) -> None:
        """See nothing more."""


class BlindError(MamctlError):
    """The system does not tell of changes here, or of no more."""


class Told:
    """The system tells: inotify, or FSEvents. Raises BlindError."""

    def __init__(self, found: Survey) -> None:
        if lacks("inotify"):
            raise BlindError("the system was not asked, as MAMCTL_WITHOUT says")
        self._notify = _notify([folder for folder in found.folders if _is_text(folder)])
        self._pending: set[str] = set()

    def wait(self, seconds: float | None, stop: threading.Event) -> set[str] | None:
        """Wait for the system's word."""
        if pending := self._pending:
            self._pending = set()
            return pending
        return self._hear(STEP, 0 if seconds is None else int(seconds * 1000), stop)

    def _hear(self, step: int, timeout: int, stop: threading.Event | None) -> set[str] | None:
        told = self._notify.watch(1, step, timeout, stop)
        if isinstance(told, str):
            return set() if told == "timeout" else None
        gone = {path for change, path in told if change == _DELETED and not os.path.lexists(path)}
        # What came and went in one moment was nobody's source.
        passing = gone & {path for change, path in told if change == _ADDED}
        return {path for _, path in told} - passing

    def follow(self, found: Survey) -> Eyes:
        """Let the system tell of other folders. For a moment both do, so that nothing is missed."""
        new = Told(found)
        new._pending = self._hear(1, LAST_WORDS, None) or set()
        self.close()
        return new

    def close(self) -> None:
        """Give the watches back."""
        self._notify.close()


class Looking:
    """Looks at every file now and then. `survey` walks anew each time, so that new folders are seen, too."""

    def __init__(self, found: Survey, survey: Callable[[], Survey]) -> None:
        self._survey = survey
        self._files = found.files()
        self._folders = found.folders.keys()
        self._pause = LOOK_EVERY

    def wait(self, seconds: float | None, stop: threading.Event) -> set[str] | None:  # noqa: ARG002 - it looks anyway
        """Wait for the next look."""
        if stop.wait(self._pause):
            return None
        began = time.monotonic()
        found = self._survey()
        before, self._files = self._files, found.files()
        folders, self._folders = self._folders, found.folders.keys()
        self._pause = max(LOOK_EVERY, (time.monotonic() - began) / SHARE)
        paths = self._files.keys() | before.keys()
        return {path for path in paths if self._files.get(path) != before.get(path)} | (folders ^ self._folders)

    def follow(self, found: Survey) -> Eyes:  # noqa: ARG002 - it walks by itself
        """Go on: every look is at all folders that there are."""
        return self

    def close(self) -> None:
        """There is nothing to give back."""


def _notify(folders: list[str]) -> RustNotify:
    try:
        from watchfiles._rust_notify import RustNotify  # 15 ms, and only who watches needs it.

        return RustNotify(folders, False, False, 0, False, False)  # noqa: FBT003 - it takes no names
    except FileNotFoundError:
        raise  # a folder went while we looked: look again
    except (ImportError, OSError, RuntimeError) as error:
        raise BlindError(*_why(str(error))) from None


def _why(said: str) -> tuple[str, str]:
    """Return what is wrong and what helps."""
    if "watch limit" in said:
        return "the system grants no more watches", "`sysctl fs.inotify.max_user_watches=524288` grants more"
    if "Too many open files" in said:
        return "the system grants no more watchers", "`sysctl fs.inotify.max_user_instances=512` grants more"
    return f"the system does not tell of changes: {said}", "name fewer folders in watch.paths"


def _is_text(path: str) -> bool:
    """Tell whether a path can be told to the library, which knows only text."""
    try:
        os.fsencode(path).decode()
    except UnicodeDecodeError:
        return False
    return True
