"""The logs of a whole stack as the foreground shows them: from the moment its supervisor was started."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mamctl.core.manifest.choices import Streams
from mamctl.runtime.logs.reader import Follower, LogFiles, log_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.control.place import Place


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


def _files(place: Place, names: Iterable[str]) -> list[LogFiles]:
    """Return both files of each service: a merged one simply never has the second."""
    return [entry for name in names for entry in log_files(place.logs, place.index, name, Streams.SPLIT)]
