"""Ports: the bind test, the choice of numbers, whose listener answers, who holds one.

Import from here. Nothing asks a name server, nothing needs privileges.
"""

from __future__ import annotations

from mamctl.runtime.ports.bind import PortState, bind_test
from mamctl.runtime.ports.choice import choose, local_port_range
from mamctl.runtime.ports.holder import Holder, PortRow, Standing, find_holder, survey
from mamctl.runtime.ports.listening import Ownership, listeners, ownership

__all__ = [
    "Holder", "Ownership", "PortRow", "PortState", "Standing", "bind_test", "choose", "find_holder", "listeners",
    "local_port_range", "ownership", "survey",
]  # fmt: skip
