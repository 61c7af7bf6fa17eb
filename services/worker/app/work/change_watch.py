"""Noticing that another process wrote to the database: SQLite counts its changes for each connection."""

import sqlite3
from pathlib import Path


class ChangeWatch:
    """One connection that only asks for that count; asking costs some microseconds and no lock."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1, isolation_level=None
        )
        self._version = -1

    def happened(self) -> bool:
        """Whether somebody committed since the last call; our own process counts too."""
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
