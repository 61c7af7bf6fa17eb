"""The logs of a whole stack as the foreground shows them: from the moment its supervisor was started."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.core.manifest.choices import Streams
from mamctl.runtime.logs.reader import Follower, LogFiles, log_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.control.place import Place
    from mamctl.runtime.logs.reader import Line


def ends(place: Place) -> dict[LogFiles, int]:
    """Return where every log that is there now ends. To be taken before a supervisor is started."""
    try:
        found = [name.removesuffix(".log") for name in os.listdir(place.logs) if name.endswith(".log")]
    except OSError:
        return {}
    with Follower(_files(place, found)) as follower:
        return follower.positions


def follow(place: Place, names: Iterable[str], since: Mapping[LogFiles, int] | None) -> Follower:
    """Follow the logs of services from the positions given (a log that has none: from its start), or from now."""
    files = _files(place, names)
    if since is None:
        return Follower(files)
    return Follower(files, positions={entry: since.get(entry, 0) for entry in files})


class Tail:
    """Follows the logs of the services that there are: who leaves and comes back goes on where it was left.

    `since`: where each log begins that may ever be followed, as `ends` has it; None: from now on.
    """

    def __init__(self, place: Place, names: Iterable[str], since: Mapping[LogFiles, int] | None) -> None:
        self._place = place
        self._since = dict(ends(place) if since is None else since)
        self._follower = follow(place, names, self._since)
        self._skipped = 0

    def turn_to(self, names: Iterable[str]) -> None:
        """Follow the logs of these services from now on, the new ones from their start."""
        self._skipped = self.skipped
        self._since |= self._follower.positions
        self._follower.close()
        self._follower = follow(self._place, names, self._since)

    @property
    def skipped(self) -> int:
        """How many lines were passed over, in all."""
        return self._skipped + self._follower.skipped

    @property
    def pending(self) -> bool:
        """Whether there is more to be had at once."""
        return self._follower.pending

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when there may be more, or None."""
        return self._follower.fileno()

    def poll(self, *, rest: bool = False) -> list[Line]:
        """Return the lines that have come, as `Follower.poll`."""
        return self._follower.poll(rest=rest)

    def close(self) -> None:
        """Close all files."""
        self._follower.close()


def _files(place: Place, names: Iterable[str]) -> list[LogFiles]:
    """Return both files of each service: a merged one simply never has the second."""
    return [entry for name in names for entry in log_files(place.logs, place.index, name, Streams.SPLIT)]
