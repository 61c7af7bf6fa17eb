"""What changes when a service goes into a container: who it listens to, by which name others are reached, which folder.

An address of this machine means the container itself in there. Where it is the port of another service that is exported
too, that service's name takes its place, and the report says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.exporting.families import families
from mamctl.core.manifest.listening import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - inside of a container: what is published is said elsewhere
_ADDRESS: Final = re.compile(r"(?<![\w.-])(127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\]):(\d{1,5})(?!\d)")
_LOST: Final = {
    "cwd": "the image has its own folder (WORKDIR)",
    "listener": "in its container it is alone",
    "watch": "nothing looks for changes",
    "hooks": "nothing is run or called",
    "events": "nobody tells it any",
    "sockets": "nobody holds its sockets: it has to bind them itself",
    "essential": "all others go on",
    "on_supervisor_death": "there is no supervisor of ours",
    "limits.nice": "nobody sets it",
    "restart.delay": "the delay is not ours to set",
    "restart.factor": "the delay is not ours to set",
    "restart.max_delay": "the delay is not ours to set",
    "restart.jitter": "the delay is not ours to set",
    "restart.window": "restarts are counted otherwise",
    "restart.reset_after": "restarts are counted otherwise",
    "success_exit_codes": "only 0 counts as clean",
    "stop.command": "the signal alone stops it",
    "umask": "nobody sets it",
    "identify": "its container starts always: nobody looks who is there already",
    "acquire": "its container starts always: nobody looks who is there already",
    "release": "its container is stopped like any other",
}


class Boxed:
    """One service as it is in a container. `called`: the names by which services reach each other."""

    def __init__(self, stack: Stack, spec: ServiceSpec, ledger: Ledger, called: Mapping[str, str]) -> None:
        self._spec = spec
        self._ledger = ledger
        self._vault = stack.vault
        self._others: dict[int, str] = {}
        for family in families(stack):
            # Each replica has a container of its own, in which it listens on the first one's port.
            inside = [f"{called[family.first.name]}:{port.number}" for port in family.first.ports]
            for member in family.members:
                if member.service != spec.service:
                    self._others |= {port.number: at for port, at in zip(member.ports, inside, strict=True)}
        self._own = {port.number for port in spec.ports}
        self._stack = stack

    def account(self, *kept: str) -> None:
        """Tell what containers have no words for; `kept` are keys that this kind of them has."""
        for key, text in _LOST.items():
            if key not in kept:
                self._ledger.lost(self._spec.name, key, text)

    def environment(self) -> dict[str, str]:
        """Return its variables, secrets left out: with others by their names, without a PATH of this machine."""
        spec = self._spec
        host = EVERYWHERE if spec.ports and is_loopback(spec.host) else None
        found = self._stack.environment(spec, host)
        found.pop("MAMCTL_REPLICA", None)  # one container is as the other
        if "PATH" in found:
            self._ledger.note(spec.name, "env.PATH", "is left out: the image has its own")
            del found["PATH"]
        self._ledger.told(spec.name, "env")
        return {name: self.text(value, f"env.{name}") for name, value in found.items()}

    def words(self) -> tuple[str, ...]:
        """Return its command."""
        spec = self._spec
        if any(word.startswith(f"{self._stack.folder}/") for word in spec.argv):
            self._ledger.note(spec.name, "command", "names a path of this machine, which the image has to have")
        if spec.ports and any(re.search(r"(?<![\w.])(127\.0\.0\.1|localhost)(?![\w.:])", word) for word in spec.argv):
            text = f"names an address that only the container itself reaches; write {EVERYWHERE} to be reached"
            self._ledger.note(spec.name, "command", text)
        return tuple([self.text(word, "command") for word in spec.argv])

    def text(self, text: str, key: str) -> str:
        """Return a text with the addresses of other services by their names."""
        changed = _ADDRESS.sub(self._named, text)
        if changed != text:
            shown = self._vault.masked(changed)
            self._ledger.note(self._spec.name, key, f"an address of this machine became that of its container: {shown}")
        return changed

    def _named(self, address: re.Match[str]) -> str:
        number = int(address[2])
        if number in self._own or number not in self._others:
            return address[0]
        return self._others[number]
