"""A media folder, a database, and a scanner between them."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from services.backend.app.models.asset import Status
from services.backend.app.models.database import Database
from services.backend.app.models.root_store import RootStore
from services.backend.app.models.scan_store import ScanStore
from services.backend.app.services.content_hash import quick_hash
from services.backend.app.services.media_root import MediaRoot
from services.backend.app.services.media_roots import MediaRoots
from services.worker.app.scanning.places import Places
from services.worker.app.scanning.scanner import Scanner


class Library:
    def __init__(self, folder, database):
        self.folder = folder
        self.database = database
        self.scanner = Scanner(MediaRoot(folder), ScanStore(database), RootStore(database))

    def scan(self, folder="", **options):
        return self.scanner.scan(folder, stopped=lambda _result: False, **options)

    def add(self, path: str, content: bytes = b"x") -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(content)

    def hash_all(self) -> None:
        """What the workers' metadata jobs do."""
        for (path,) in self.rows("SELECT file_path FROM media_assets"):
            descriptor = os.open(self.folder / path, os.O_RDONLY)
            mark = quick_hash(descriptor)
            os.close(descriptor)
            self.execute("UPDATE media_assets SET quick_hash = ? WHERE file_path = ?", mark, path)

    def states(self) -> dict[str, Status]:
        rows = self.rows("SELECT file_path, status FROM media_assets WHERE deleted_at IS NULL")
        return {path: Status(status) for path, status in rows}

    def events(self) -> int:
        return self.rows("SELECT count(*) FROM events")[0][0]

    def rows(self, statement: str, *values) -> list[tuple]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(statement, values)]

    def execute(self, statement: str, *values) -> None:
        with self.database.write() as connection:
            connection.execute(statement, values)


@contextmanager
def library_of_two(folder: Path) -> Iterator[Library]:
    """A library of the folders `media` and `archive`, the second as `library.archive`; `library.roots` are both."""
    for name in ("media", "archive"):
        (folder / name).mkdir()
    with closing(Database(folder / "mam.db")) as database:
        made = Library(folder / "media", database)
        made.archive = Library(folder / "archive", database)
        made.roots = MediaRoots(folder / "media", {"archive": folder / "archive"})
        number = RootStore(database).enter(["archive"])["archive"]
        further = Scanner(made.roots, ScanStore(database, number), RootStore(database, number), name="@archive")
        made.scanner = Places(Scanner(made.roots, ScanStore(database), RootStore(database)), {"@archive": further})
        yield made
