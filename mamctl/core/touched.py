"""The event that files changed on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Touched:
    """Files that services watch changed, and then nothing more for a while: what changed, by the service's name."""

    changes: Mapping[str, str]
    at: float
