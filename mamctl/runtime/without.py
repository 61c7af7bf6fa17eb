"""What this system is to do without, to see on a new kernel how an old one fares: `MAMCTL_WITHOUT=pidfd,cgroup`.

For tests, and for looking into trouble. The words: pidfd, cgroup, splice, inotify, netlink. Nobody else reads the
variable.
"""

from __future__ import annotations

import functools
import os


@functools.cache
def _named() -> frozenset[str]:
    return frozenset(os.environ.get("MAMCTL_WITHOUT", "").replace(",", " ").split())


def lacks(name: str) -> bool:
    """Tell whether somebody asked to do without this."""
    return name in _named()
