"""Names of compose services as hosts: in its network `db` is a host, on this machine all of them are 127.0.0.1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mamctl.convert.importing.stack import Service
    from mamctl.convert.importing.value import Value

LOOPBACK = "127.0.0.1"


def use_loopback(service: Service, section: Value, names: Iterable[str]) -> None:
    """Write the loopback address for hosts in variables, and tell of each."""
    env = service.keys.get("env")
    place = section.get("environment")
    if not env or place is None:
        return
    known = "|".join(re.escape(name) for name in names)
    host = re.compile(rf"(?:(?<=@)|(?<=//))(?:{known})(?=[:/]|$)|^(?:{known})(?=:\d+(?:/|$))")
    for name, value in env.items():
        if not isinstance(value, str):
            continue
        alone = name.upper().endswith("HOST") and re.fullmatch(known, value)
        changed = LOOPBACK if alone else host.sub(LOOPBACK, value)
        if changed != value:
            env[name] = changed
            where = place.get(name) or place
            service.note(where, f"{name} names a service as a host: here it is {LOOPBACK}; check the port")
