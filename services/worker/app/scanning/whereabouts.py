"""Whether a file has left its place, which is more than that it cannot be seen there.

A disk that is not mounted shows none of its files. So what is missing has left only if its root is the very folder that
the last good scan saw (device and inode), and is not offline for another reason.
"""

import os

from services.backend.app.models.move_store import Lost
from services.backend.app.models.root_store import Root, RootStore
from services.backend.app.models.seen_file import SeenFile
from services.backend.app.services.media_root import MediaRoot, PathRejected, closed


class Whereabouts:
    """Looks at the folders, each time anew: a disk may go at any moment."""

    def __init__(self, root: MediaRoot, roots: RootStore) -> None:
        self._root = root
        self._roots = roots

    def is_gone(self, path: str) -> bool:
        """Whether there is nothing at ``path``; an error of the disk says nothing of that."""
        root, inner = self._root.place_of(path)
        try:
            os.lstat(os.path.join(root.folder, inner))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def look(self, path: str) -> SeenFile | None:
        """Return the file at ``path``, however it is reached; None when there is none that may be used.

        A walk passes over hidden names and links, and who names such a file may have it all the same.
        Raises OSError when it cannot be told.
        """
        if self.is_gone(path):
            return None
        try:
            descriptor = self._root.open(path)
        except (PathRejected, FileNotFoundError):
            return None
        try:
            status = os.fstat(descriptor)
        finally:
            closed(descriptor)
        return SeenFile.of(path, status)

    def has_left(self, lost: Lost, *, even_offline: bool = False) -> bool:
        """Whether the file of an asset is not where it was, and its root is.

        ``even_offline`` is for who finds out whether the root is rightly offline.
        """
        # In this order: the disk may go between the two, and then the second finds out.
        return self.is_gone(lost.path) and self._is_in_place(lost, even_offline=even_offline)

    def _is_in_place(self, lost: Lost, *, even_offline: bool) -> bool:
        root = next((root for root in self._roots.all() if root.id == lost.root_id), None)
        if root is None or (root.offline_since is not None and not even_offline):
            return False
        first = lost.path.partition("/")[0]
        if (f"@{root.name}" != first) if root.name else (first in self._root.reserved):
            return False  # the settings give the path to another folder than the one it was found in
        return is_as_seen(root, self._root.place_of(lost.path)[0])


def is_as_seen(root: Root, media: MediaRoot) -> bool:
    """Whether the folder that is there now is the one that the last good scan of the root saw."""
    try:
        status = os.stat(media.folder)
    except OSError:
        return False
    return (root.device, root.inode) == (status.st_dev, status.st_ino)
