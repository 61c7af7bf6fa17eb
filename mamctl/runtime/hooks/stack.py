"""What hooks need to know of the services: their hooks, what their commands run in, what is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.runtime.environment import environment, home_tag
from mamctl.runtime.hooks.errand import Outfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.hands import Hands


def mark_of(home: str) -> str:
    """Return the marker of all hooks of a home; unlike a service's, so that nobody takes one for it."""
    return f"{home_tag(home)}/hook"


class OwnStack:
    """The services of these hands. `mark` is in the environment of each hook."""

    def __init__(self, hands: Hands, home: str, inherited: Mapping[str, str]) -> None:
        self._hands = hands
        self._inherited = inherited
        self.mark = mark_of(home)

    @property
    def project(self) -> str:
        """The project's name."""
        return self._hands.manifest.name

    def specs(self) -> Iterable[ServiceSpec]:
        """Return what the manifest says of all services."""
        return self._hands.manifest.services.values()

    def spec_of(self, name: str) -> ServiceSpec | None:
        """Return what the manifest says of a service, or said of one that has just left it."""
        service = self._hands.supervisor.known(name)
        return None if service is None else service.spec

    def outfit(self, spec: ServiceSpec) -> Outfit:
        """Return what the commands of a service run in; those of an external one run as its spawned self would."""
        from mamctl.runtime.accounts import standing_prefix

        run = spec.external.spawned if spec.external and spec.external.spawned else spec
        env = environment(run, self.project, self._inherited, self.mark)
        return Outfit(env, run.cwd, standing_prefix(run.account))

    def hide(self, text: str) -> str:
        """Return a text with every secret masked."""
        return self._hands.secrecy.text(text)
