"""Several media folders that look like one: those of ALLOWED_DIRS lie beneath ``@name`` of the one of MEDIA_PATH."""

from collections.abc import Mapping
from pathlib import Path

from .media_root import MediaRoot


class MediaRoots(MediaRoot):
    """The folder of MEDIA_PATH, and what else may be read. Each path is opened beneath the one folder it belongs to."""

    def __init__(self, folder: Path, further: Mapping[str, Path]) -> None:
        super().__init__(folder)
        self._further = {f"@{name}": MediaRoot(place) for name, place in further.items()}

    @property
    def reserved(self) -> frozenset[str]:
        """First parts of paths that belong to further folders; what is called so in MEDIA_PATH is not seen."""
        return frozenset(self._further)

    @property
    def folders(self) -> dict[str, Path]:
        """Every folder by the first part of its files' paths, that of MEDIA_PATH ("") first."""
        return {"": self.folder} | {name: root.folder for name, root in self._further.items()}

    def place_of(self, path: str) -> tuple[MediaRoot, str]:
        """Return the folder that ``path`` belongs to, and the path in it."""
        first, _, rest = path.partition("/")
        root = self._further.get(first)
        return (self, path) if root is None else (root, rest)

    def open(self, path: str) -> int:
        """Open the regular file at ``path``, see :meth:`MediaRoot.open`."""
        root, inner = self.place_of(path)
        return super().open(path) if root is self else root.open(inner)

    def remove(self, path: str) -> None:
        """Delete the file at ``path``, see :meth:`MediaRoot.remove`."""
        root, inner = self.place_of(path)
        if root is self:
            super().remove(path)
        else:
            root.remove(inner)
