"""Layers of a manifest: maps merge deep, lists and scalars replace, null deletes.

A deletion stays in the result as `DELETED` and reads as absent. So a null that had something to delete can be told
from one that had not, and merging the same layer twice changes nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .findings import Tree


class _Deleted(Enum):
    DELETED = "deleted"


DELETED: Final = _Deleted.DELETED
CHECKS: Final = frozenset({"http", "tcp", "exec", "log", "notify"})
_PROBES: Final = frozenset({"ready", "live", "identify"})
_OF_A_CHECK: Final = frozenset({"status", "json", "watchdog"})
_OF_ASKING: Final = frozenset({"timeout", "interval", "failures"})


def merge(base: Tree, overlay: Tree) -> Tree:
    """Return `base` with `overlay` on top. Neither is changed; parts that are not merged are shared."""
    merged = dict(base)
    for key, value in overlay.items():
        merged[key] = _onto(key, merged.get(key), value)
    return merged


def _onto(key: str, beneath: object, value: object) -> object:
    if value is None and beneath is not None:
        return DELETED
    if not isinstance(value, dict) or not isinstance(beneath, dict):
        return value
    return merge(_without_other_check(beneath, value) if key in _PROBES else beneath, value)


def _without_other_check(beneath: Tree, probe: Tree) -> Tree:
    """Drop the check that `probe` replaces by one of another kind: a probe has one check."""
    checks = CHECKS & probe.keys()
    if not checks or checks <= beneath.keys():
        return beneath
    gone = CHECKS | _OF_A_CHECK | (_OF_ASKING if "notify" in checks else frozenset())
    return {key: value for key, value in beneath.items() if key not in gone}
