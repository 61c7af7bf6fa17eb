"""The manifest that holds, as it was resolved, kept in memory for the supervisor after this one.

One that takes over goes on with exactly this: what the manifest's file says by now is nobody's wish until an operator
says `up`. It lies in memory only, because it holds secrets.
"""

from __future__ import annotations

import contextlib
import copyreg
import os
import pickle
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mamctl.core.manifest import hooks, model, schedules, watching
from mamctl.core.manifest.model import Manifest

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from mamctl.runtime.custody import Custody

NAME = "manifest"
SOON_SECONDS = 0.2


def freeze(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """Return a view that cannot be written: the type itself has no name to find it by."""
    return MappingProxyType(values)


def _reduce(mapping: MappingProxyType[Any, Any]) -> tuple[Callable[..., MappingProxyType[Any, Any]], tuple[Any, ...]]:
    return freeze, (dict(mapping),)


copyreg.pickle(MappingProxyType, _reduce)


def keep_manifest(custody: Custody, manifest: Manifest) -> None:
    """Put a manifest into custody. Where there is no memory for it, the next supervisor reads the file again."""
    if not hasattr(os, "memfd_create"):
        return
    try:
        with open(os.memfd_create(NAME), "wb") as memory:
            pickle.dump((shape(), manifest), memory)
            memory.flush()
            custody.keep(NAME, [memory.fileno()])
    except OSError:
        # What was kept before holds no longer.
        custody.drop(NAME)


def keep_manifest_soon(loop: AbstractEventLoop, custody: Custody, manifest: Callable[[], Manifest]) -> None:
    """Keep the manifest that holds in a moment: not in the way of the services that are being started now."""
    loop.call_later(SOON_SECONDS, lambda: keep_manifest(custody, manifest()))


def kept_manifest(custody: Custody) -> Manifest | None:
    """Return what the supervisor before us kept; None when there is nothing, or it is of another version."""
    for descriptor in custody.take(NAME):
        with contextlib.suppress(Exception), open(descriptor, "rb") as memory:
            memory.seek(0)
            # Written by our own predecessor into memory that only our guardian has.
            known, found = pickle.load(memory)  # noqa: S301
            return found if known == shape() and isinstance(found, Manifest) else None
    return None


def shape() -> list[str]:
    """Return the names of all that a manifest is made of: in another version it may lack what this one looks for."""
    kinds = [
        kind for module in (model, hooks, schedules, watching) for kind in vars(module).values() if is_dataclass(kind)
    ]
    return [f"{getattr(kind, '__name__', '')}.{field.name}" for kind in kinds for field in fields(kind)]
