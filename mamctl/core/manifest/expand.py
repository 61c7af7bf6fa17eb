"""Short forms become long ones, and paths absolute, before layers are merged.

What cannot be expanded, because its key is taken or its value is nonsense, is left for the parser to refuse.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from .hook_shapes import expand_hooks
from .interpolation import Reference
from .merging import DELETED
from .shapes import word

if TYPE_CHECKING:
    from collections.abc import Callable

    from .findings import Tree


def expand(service: Tree, folder: str) -> Tree:
    """Return a service's keys in their long forms; `folder` is the one that its paths are relative to."""
    if _SHORT.keys().isdisjoint(service):
        return service
    long: Tree = {}
    for key, value in service.items():
        expansion = _SHORT.get(key)
        if expansion is None or value is None:
            long[key] = value
        else:
            long[key] = expansion(value, folder)
    return _renamed(long)


def _renamed(service: Tree) -> Tree:
    """Return the service with `port` and `health` under the keys that they are short for."""
    if "port" in service and "ports" not in service:
        port = service.pop("port")
        service["ports"] = {"http": DELETED if port is None else port}
    if "health" in service and not {"ready", "live"} & service.keys():
        service["ready"] = service["live"] = service.pop("health")
    return service


def expand_env_files(value: object, folder: str) -> object:
    """Return env files as a list of maps with absolute paths."""
    files = value if isinstance(value, list) else [value]
    return [_env_file(file, folder) for file in files]


def _env_file(file: object, folder: str) -> object:
    if not isinstance(file, dict):
        return {"path": absolute(file, folder)} if isinstance(file, str) else file
    return file | {"path": absolute(file["path"], folder)} if "path" in file else file


def absolute(path: object, folder: str) -> object:
    """Return a path beneath `folder` unless it is absolute; what cannot be a path stays as it is."""
    if not isinstance(path, str) or isinstance(path, Reference) or not path.strip():
        return path
    return posixpath.normpath(posixpath.join(folder, path))


def _watch(value: object, folder: str) -> object:
    if value is True:
        return {}
    if isinstance(value, dict):
        named = {"paths": _paths(value["paths"], folder)} if value.get("paths") is not None else {}
        ignored = {"ignore": [value["ignore"]]} if isinstance(value.get("ignore"), str) else {}
        return value | named | ignored
    return {"paths": _paths(value, folder)} if isinstance(value, str | list) else value


def _paths(value: object, folder: str) -> object:
    paths = value if isinstance(value, list) else [value]
    return [absolute(path, folder) for path in paths]


def _restart(value: object, _folder: str) -> object:
    return {"policy": value} if isinstance(value, str) else value


def _health(value: object, _folder: str) -> object:
    return {"http": value} if isinstance(value, str) else value


def _dependencies(value: object, _folder: str) -> object:
    if isinstance(value, dict):
        return {name: _dependency(edge) for name, edge in value.items()}
    if isinstance(value, list) and all(isinstance(name, str | int) and not isinstance(name, bool) for name in value):
        return {word(name): {} for name in value}
    return value


def _dependency(edge: object) -> object:
    return {"condition": edge} if isinstance(edge, str) else edge


def _schedule(value: object, _folder: str) -> object:
    return {"cron": value} if isinstance(value, str) else value


def _steps(value: object, folder: str) -> object:
    return [_step(step, folder) for step in value] if isinstance(value, list) else value


def _step(step: object, folder: str) -> object:
    spawn = step.get("spawn") if isinstance(step, dict) else None
    return {**step, "spawn": expand(spawn, folder)} if isinstance(step, dict) and isinstance(spawn, dict) else step


_SHORT: Final[dict[str, Callable[[object, str], object]]] = {
    "port": lambda value, _: value,
    "health": _health,
    "restart": _restart,
    "depends_on": _dependencies,
    "env_file": expand_env_files,
    "cwd": absolute,
    "watch": _watch,
    "acquire": _steps,
    "schedule": _schedule,
    "hooks": lambda value, _: expand_hooks(value),
}
