"""From the files of one manifest to its services: substituted, expanded, merged, with defaults beneath.

A unit is a manifest with its override, or one included file. Its layers are merged low to high; then its defaults go
beneath each of its services. What a manifest says about a service of a file that it includes is merged over that one.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Final, NamedTuple

from .containers import ListOf
from .expand import absolute, expand, expand_env_files
from .fields import ENV, ENV_FILES, MANIFEST_FIELDS, SERVICE, SERVICE_KEYS
from .findings import Findings, Invalid, Path, Tree, kind_of
from .interpolation import Lookup, interpolate
from .merging import DELETED, merge
from .nearest import did_you_mean
from .shapes import FIXED
from .wishes import NamedFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_NOT_FOR_TASKS: Final = frozenset({"sockets", "ready", "live", "health"})
_NOT_FOR_EXTERNALS: Final = frozenset({"command", "shell", "sockets", "ready", "live", "health", "replicas", "watch"})
# Read apart from the rest: `${}` of these is seen by others, or sees what others have not.
_READ_APART: Final = frozenset({"env_file", "include", "smoke"})
_NO_MAP: Final = "write command: [program, argument] beneath it"
_INCLUDE: Final = ListOf(FIXED)


class Layer(NamedTuple):
    """One file as it was read. `dollar` tells whether there is a `$` anywhere in it."""

    file: str
    folder: str
    tree: Tree
    dollar: bool = True


class Entry(NamedTuple):
    """One service's merged keys, the files that they may come from, and what lies beneath its own env, low to high."""

    raw: Tree
    folder: str
    files: tuple[str, ...]
    env: tuple[Mapping[str, str | None], ...]


class Mention(NamedTuple):
    """A file that another one names: by which, where in it, and what file."""

    by: str | None
    at: Path
    file: NamedFile


class Surroundings(NamedTuple):
    """What a unit is read in: the process environment, its own top env files, and the services that it includes."""

    environ: Lookup
    pairs: Mapping[str, str]
    beneath: Mapping[str, Entry]


class Smoke(NamedTuple):
    """The steps of `mamctl smoke` as one file writes them, what `${}` in them sees, and their environment's layers."""

    value: object
    layer: Layer
    lookup: Lookup
    env: tuple[Mapping[str, str | None], ...]


class Unit(NamedTuple):
    """What a file with its override comes to, with the services that it includes; `smoke`: its own steps, if any.

    `control` is what it says of the API's address, or None.
    """

    name: object
    services: dict[str, Entry]
    smoke: Smoke | None = None
    control: object = None


def check_top(layer: Layer, found: Findings) -> Layer:
    """Return the layer with only the known keys; `x-*` is dropped silently, the rest is noted."""
    tree: Tree = {}
    for key, value in layer.tree.items():
        if key in MANIFEST_FIELDS:
            tree[key] = value
        elif not key.startswith("x-"):
            found.add((key,), "unknown key", did_you_mean(key, MANIFEST_FIELDS), file=layer.file)
    return layer._replace(tree=tree)


def top_env_files(layers: Sequence[Layer], environ: Lookup, found: Findings) -> list[Mention]:
    """Return the env files of every service: those of the highest layer that names some."""
    layer, value = _highest("env_file", layers, environ, found)
    if layer is None or value is None:
        return []
    with found.of(layer.file):
        files = ENV_FILES.read(expand_env_files(value, layer.folder), ("env_file",), found)
    return [Mention(layer.file, ("env_file", index), file) for index, file in enumerate(files)]


def includes(layers: Sequence[Layer], lookup: Lookup, found: Findings) -> list[Mention]:
    """Return the files to include: those of the highest layer that names some."""
    layer, value = _highest("include", layers, lookup, found)
    if layer is None or value is None:
        return []
    with found.of(layer.file):
        paths = _INCLUDE.read(value if isinstance(value, list) else [value], ("include",), found)
    files = [NamedFile(str(absolute(path, layer.folder))) for path in paths]
    return [Mention(layer.file, ("include", index), file) for index, file in enumerate(files)]


def _highest(key: str, layers: Sequence[Layer], lookup: Lookup, found: Findings) -> tuple[Layer | None, object]:
    for layer in reversed(layers):
        if key in layer.tree:
            return layer, _substituted(key, layer, lookup, found)
    return None, None


def _substituted(key: str, layer: Layer, lookup: Lookup, found: Findings) -> object:
    if not layer.dollar:
        return layer.tree[key]
    with found.of(layer.file):
        return interpolate(layer.tree[key], lookup, (key,), found)


def unite(layers: Sequence[Layer], around: Surroundings, found: Findings) -> Unit:
    """Return the unit of a file and what lies over it; the layers have been through `check_top`."""
    lookup = _lookup(around) if any(layer.dollar for layer in layers) else {}
    top: Tree = {}
    for layer in layers:
        prepared = _prepare(layer, lookup, found)
        top = merge(top, prepared) if top else prepared
    env = (around.pairs, _env(top, found))
    files = tuple(layer.file for layer in reversed(layers))
    defaults = _map(top.get("defaults"))
    if defaults:
        # Read for what is wrong in it, also where no service takes it up.
        SERVICE.read(defaults, ("defaults",), found)
    services = dict(around.beneath)
    for name, raw in _map(top.get("services")).items():
        _place(name, raw, services, Entry(defaults, layers[0].folder, files, env), found)
    smoke = _smoke(layers, lookup, env)
    return Unit(_present(top.get("name")), services, smoke, _present(top.get("control")))


def _lookup(around: Surroundings) -> Lookup:
    return ChainMap(dict(around.environ), dict(around.pairs))


def _smoke(layers: Sequence[Layer], lookup: Lookup, env: tuple[Mapping[str, str | None], ...]) -> Smoke | None:
    """Return the steps of the highest layer that has some; they are read once ports are chosen."""
    layer = next((layer for layer in reversed(layers) if "smoke" in layer.tree), None)
    if layer is None or layer.tree["smoke"] is None:
        return None
    return Smoke(layer.tree["smoke"], layer, lookup, env)


def _place(name: str, raw: object, services: dict[str, Entry], unit: Entry, found: Findings) -> None:
    """Put one service's keys over what an included file says about it, or else over the unit's defaults."""
    beneath = services.get(name)
    if raw is None and beneath is None:
        found.add(("services", name), "must be a map, not null", _NO_MAP, file=unit.files[-1])
    elif not isinstance(raw, dict):
        services.pop(name, None)
    elif beneath is None:
        services[name] = unit._replace(raw=_with_defaults(raw, unit.raw))
    else:
        services[name] = beneath._replace(raw=merge(beneath.raw, raw), files=unit.files + beneath.files)


def _prepare(layer: Layer, lookup: Lookup, found: Findings) -> Tree:
    """Return the layer's keys with `${}` substituted and services expanded; what is no map is noted and left out."""
    tree: Tree = {key: _substituted(key, layer, lookup, found) for key in layer.tree if key not in _READ_APART}
    for key in ("services", "defaults"):
        value = tree.get(key)
        if value is not None and not isinstance(value, dict):
            found.add((key,), f"must be a map, not {kind_of(value)}", file=layer.file)
            del tree[key]
    if tree.get("services"):
        tree["services"] = _expanded_services(_map(tree["services"]), layer, found)
    if tree.get("defaults"):
        tree["defaults"] = expand(_map(tree["defaults"]), layer.folder)
    return tree


def _expanded_services(services: Tree, layer: Layer, found: Findings) -> Tree:
    expanded: Tree = {}
    for name, raw in services.items():
        at: Path = ("services", name)
        try:
            SERVICE_KEYS.check(name)
            expanded[name] = _expanded(raw, layer)
        except Invalid as invalid:
            found.add(at, invalid.message, invalid.hint, file=layer.file)
    return expanded


def _expanded(raw: object, layer: Layer) -> object:
    if isinstance(raw, dict):
        return expand(raw, layer.folder)
    if raw is None:
        return raw
    raise Invalid(f"must be a map, not {kind_of(raw)}", _NO_MAP)


def _with_defaults(raw: Tree, defaults: Tree) -> Tree:
    if not defaults:
        return raw
    kind = raw.get("kind", defaults.get("kind"))
    unfit = {"task": _NOT_FOR_TASKS, "external": _NOT_FOR_EXTERNALS}.get(kind if isinstance(kind, str) else "")
    fitting = {key: value for key, value in defaults.items() if key not in unfit} if unfit else defaults
    return merge(fitting, raw)


def _env(top: Tree, found: Findings) -> dict[str, str | None]:
    value = _present(top.get("env"))
    if value is None:
        return {}
    try:
        return ENV.read(value, ("env",), found)
    except Invalid as invalid:
        found.refuse(("env",), invalid)
        return {}


def _map(value: object) -> Tree:
    return value if isinstance(value, dict) else {}


def _present(value: object) -> object:
    return None if value is DELETED else value
