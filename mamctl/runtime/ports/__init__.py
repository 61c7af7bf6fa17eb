"""Ports: the bind test, the choice of numbers, whose listener answers, who holds one.

Import from here: each name brings its module only when it is asked for, since a start needs just the bind test.
Nothing asks a name server, nothing needs privileges.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamctl.runtime.ports.bind import PortState, bind_test
    from mamctl.runtime.ports.choice import choose, local_port_range
    from mamctl.runtime.ports.holder import Holder, PortRow, Standing, find_holder, survey
    from mamctl.runtime.ports.listening import Ownership, listeners, ownership

__all__ = [
    "Holder", "Ownership", "PortRow", "PortState", "Standing", "bind_test", "choose", "find_holder", "listeners",
    "local_port_range", "ownership", "survey",
]  # fmt: skip

_HOMES = {
    "bind": ("PortState", "bind_test"),
    "choice": ("choose", "local_port_range"),
    "holder": ("Holder", "PortRow", "Standing", "find_holder", "survey"),
    "listening": ("Ownership", "listeners", "ownership"),
}


def __getattr__(name: str) -> object:
    """Find the module that a name lives in."""
    for home, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(f"mamctl.runtime.ports.{home}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
