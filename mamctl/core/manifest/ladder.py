"""How an external service is found and acquired: the steps of `acquire`, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from .model import Probe, ServiceSpec


@dataclass(frozen=True, slots=True)
class Look:
    """See whether it is there: somebody may have started it by hand."""


@dataclass(frozen=True, slots=True)
class Starter:
    """Run a command that starts it and returns; then it must answer."""

    argv: tuple[str, ...]


Rung = Look | Starter
LOOK: Final = Look()


@dataclass(frozen=True, slots=True)
class External:
    """How an external service is found (`identify`) and acquired: by the `rungs`, at last by spawning `spawned`.

    `release` is the command that stops it if one of the rungs started it; empty: it is left.
    """

    identify: Probe
    rungs: tuple[Rung, ...] = (LOOK,)
    spawned: ServiceSpec | None = None
    release: tuple[str, ...] = ()
