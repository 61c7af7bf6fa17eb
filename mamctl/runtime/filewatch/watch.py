"""The watcher of files: a thread that waits for changes, and the loop, in which they are gathered and told.

There is one for all services, and none while no service watches. It follows new folders, waits for named paths that are
not there yet, and when the system tells nothing it looks by itself. A supervisor that follows another one begins anew:
what changes between the two is missed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from mamctl.runtime.filewatch.burst import Bursts
from mamctl.runtime.filewatch.eyes import BlindError, Eyes, Looking, Told
from mamctl.runtime.filewatch.survey import MOST_FOLDERS, Survey, survey

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable, Mapping

    from mamctl.core.manifest.watching import Watch

logger = logging.getLogger("mamctl")
# How often to look for named paths that are not there. Seconds.
MISSING_EVERY = 1.0
# The services that are being started come first; what changes meanwhile is seen by its time. Seconds.
AFTER = 0.2
# File systems keep times by a clock that is behind ours by up to a tick of the kernel. Nanoseconds.
COARSE = 10_000_000
# So many changes at once may be fewer than there were: folders are looked up anew.
FLOOD = 1000
# At the end the thread is waited for: it looks up every 50 ms, but may be in the middle of a walk. Seconds.
PATIENCE = 2.0


class FileWatch:
    """Watches what services watch. `touched` is called in the loop with sentences by service, `warn` with a sentence.

    `folder` is the one that people know paths from; `avoid` are folders in which we write ourselves.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        folder: str,
        avoid: Collection[str],
        touched: Callable[[dict[str, str]], None],
        warn: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._avoid = frozenset(map(os.path.realpath, avoid))
        self._warn = warn
        self._bursts = Bursts(loop, os.path.realpath(folder), touched)
        self._own: frozenset[str] = frozenset()
        self._watches: dict[str, Watch] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def take(self, watches: Mapping[str, Watch], own: Iterable[str] = ()) -> None:
        """Watch this from now on, and nothing else. `own`: files whose changes are nobody's news."""
        self._own = frozenset(map(os.path.realpath, own))
        if dict(watches) == self._watches:
            return
        self._end()
        self._watches = dict(watches)
        self._bursts.forget(self._watches)
        if self._watches:
            stop = self._stop = threading.Event()
            work = Watching(
                self._watches, self._avoid, stop, tell=partial(self._tell, stop), warn=partial(self._tell_warning, stop)
            )
            self._thread = threading.Thread(target=work.run, name="filewatch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Watch nothing more."""
        self._end()
        self._watches = {}
        self._bursts.close()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _end(self) -> None:
        self._stop.set()

    # Called from the thread. What one says that was told to stop meanwhile is not heard. --------------------------

    def _tell(self, stop: threading.Event, changes: dict[str, set[str]]) -> None:
        self._in_loop(stop, lambda: self._add(changes))

    def _add(self, changes: dict[str, set[str]]) -> None:
        news = {name: rest for name, paths in changes.items() if (rest := paths - self._own)}
        self._bursts.add(news, {name: self._watches[name].debounce for name in news})

    def _tell_warning(self, stop: threading.Event, sentence: str) -> None:
        self._in_loop(stop, lambda: self._warn(sentence))

    def _in_loop(self, stop: threading.Event, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(lambda: None if stop.is_set() else call())


class Watching:
    """What the thread does, from the first look until it is told to stop."""

    def __init__(
        self,
        watches: Mapping[str, Watch],
        avoid: Collection[str],
        stop: threading.Event,
        *,
        tell: Callable[[dict[str, set[str]]], None],
        warn: Callable[[str], None],
    ) -> None:
        self._watches = watches
        self._avoid = avoid
        self._stop = stop
        self._tell = tell
        self._warn = warn
        self._began = time.time_ns() - COARSE
        self._warned = False

    def run(self) -> None:
        """Watch until it is to stop. A defect in here must not be silent, nor end the supervisor."""
        try:
            self._run()
        except Exception as error:
            logger.exception("the watcher of files")
            self._warn(f"files are watched no more, for the watcher itself failed: {error}")

    def _run(self) -> None:
        if self._stop.wait(AFTER):
            return
        found, eyes = self._survey(), None
        try:
            found, eyes = self._open(found, None)
            self._report(found, found, self._early(found))
            while (paths := eyes.wait(MISSING_EVERY if found.missing else None, self._stop)) is not None:
                before = found
                if self._is_outdated(found, paths):
                    found, eyes = self._open(self._survey(), eyes)
                    paths |= found.appeared(before)
                self._report(before, found, paths)
        finally:
            if eyes is not None:
                eyes.close()

    def _survey(self) -> Survey:
        return survey(self._watches, self._avoid)

    def _open(self, found: Survey, eyes: Eyes | None) -> tuple[Survey, Eyes]:
        """Return the eyes for a survey, and the survey they see: the folders may change while they are opened."""
        if found.full and not self._warned:
            self._warned = True
            self._warn(
                f"only {MOST_FOLDERS} folders are watched for changes: name fewer in watch.paths, or ignore some"
            )
        while not self._stop.is_set():
            try:
                return found, Told(found) if eyes is None else eyes.follow(found)
            except FileNotFoundError:
                found = self._survey()
            except BlindError as error:
                hint = f"; {error.hint}" if error.hint else ""
                self._warn(f"files are looked at every second, because {error.message}{hint}")
                break
        if eyes is not None:
            eyes.close()
        return found, Looking(found, self._survey)

    def _early(self, found: Survey) -> set[str]:
        """Return the files that changed since we were asked and before anybody looked."""
        return {path for path, stamp in found.files().items() if stamp[0] > self._began}

    def _is_outdated(self, found: Survey, paths: set[str]) -> bool:
        if len(paths) > FLOOD or any(os.path.lexists(path) for path in found.missing):
            return True
        return any(found.outdated_by(path) for path in paths)

    def _report(self, before: Survey, now: Survey, paths: set[str]) -> None:
        """Tell whom the changes concern, by what was watched before or is watched now."""
        changes: dict[str, set[str]] = {}
        for path in paths:
            for service in (*before.concerned(path), *(now.concerned(path) if now is not before else ())):
                changes.setdefault(service, set()).add(path)
        if changes:
            self._tell(changes)
