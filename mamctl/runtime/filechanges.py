"""What files change means to the supervisor. Where no service watches it costs nothing, not even an import."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.core.touched import Touched

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.events import Event
    from mamctl.core.manifest.model import Manifest, ServiceSpec
    from mamctl.core.manifest.watching import Watch
    from mamctl.runtime.filewatch import FileWatch
    from mamctl.runtime.history import History
    from mamctl.runtime.outputs import Folders


class FileChanges:
    """Posts `Touched` for services whose files changed; what hinders watching becomes a warning of the supervisor."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, folders: Folders, post: Callable[[Event], None], history: History
    ) -> None:
        self._loop = loop
        self._folders = folders
        self._post = post
        self._history = history
        self._watch: FileWatch | None = None

    def take(self, manifest: Manifest) -> None:
        """Watch what this manifest says."""
        watches = {spec.name: found for spec in manifest.services.values() if (found := watch_of(spec)) is not None}
        if self._watch is None and watches:
            self._watch = self._made(manifest)
        if self._watch is not None:
            # The manifest and its env files hold once an operator says so, and a restart would not read them.
            self._watch.take(watches, manifest.files)

    def close(self) -> None:
        """Watch nothing more."""
        if self._watch is not None:
            self._watch.close()

    def _made(self, manifest: Manifest) -> FileWatch:
        from mamctl.runtime.filewatch import FileWatch

        return FileWatch(
            self._loop,
            folder=manifest.folder,
            avoid=(self._folders.logs, os.path.dirname(self._folders.fifo)),
            touched=self._touched,
            warn=self._warn,
        )

    def _touched(self, changes: dict[str, str]) -> None:
        self._post(Touched(changes, self._loop.time()))

    def _warn(self, sentence: str) -> None:
        self._history.record("warning", None, 0, {"detail": sentence})
        self._loop.call_soon(self._history.flush)


def watch_of(spec: ServiceSpec) -> Watch | None:
    """Return what is watched for a service: of an external one for the process that we spawn."""
    spawned = spec.external.spawned if spec.external else None
    return spawned.watch if spawned else spec.watch
