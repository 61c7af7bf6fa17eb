"""Replicas as one thing again, for those who can count: a service of the manifest with its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec


class Family(NamedTuple):
    """A service by its name in the manifest, and its replicas; without the key it is its own only member."""

    name: str
    members: tuple[ServiceSpec, ...]

    @property
    def first(self) -> ServiceSpec:
        """The member that stands for all."""
        return self.members[0]

    def account(self, ledger: Ledger) -> None:
        """Account for the keys of all members but the first, which speaks for them."""
        for member in self.members[1:]:
            ledger.told_all(member.name)

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.members)


def families(stack: Stack) -> list[Family]:
    """Return the services in their order, each with all of its replicas that are exported."""
    found: dict[str, list[ServiceSpec]] = {}
    for spec in stack.services.values():
        found.setdefault(spec.service, []).append(spec)
    return [Family(name, tuple(members)) for name, members in found.items()]
