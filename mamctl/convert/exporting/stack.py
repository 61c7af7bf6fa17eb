"""What is exported: the chosen services of a manifest, each with the environment that it is to find."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.exporting.ledger import Ledger, Note
from mamctl.convert.exporting.said import said
from mamctl.convert.exporting.texts import texts_of
from mamctl.convert.exporting.vault import Vault
from mamctl.core.manifest.choices import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mamctl.core.manifest.model import Dependency, Manifest, ServiceSpec

    # Finds a program as a service would: its name, the PATH, the folder. None where there is none.
    Find = Callable[[str, str, str], str | None]

_SEARCHED: Final = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


class File(NamedTuple):
    """One file of an export, by the name that it has in a folder."""

    name: str
    text: str


class Export(NamedTuple):
    """The files, and the report: what has no counterpart, and what is left to do."""

    files: tuple[File, ...]
    notes: tuple[Note, ...]


def _nowhere(program: str, path: str, folder: str) -> str | None:  # noqa: ARG001 - the shape of `Find`
    return None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller chose. `services` are names, `images` those of the command line, `environ` what is inherited."""

    services: Sequence[str]
    images: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    find: Find = _nowhere


@dataclass(frozen=True, slots=True)
class Stack:
    """The services to export in their order; `account` begins the account of their keys anew."""

    manifest: Manifest
    services: Mapping[str, ServiceSpec]
    vault: Vault
    wish: Wish
    left_out: Mapping[str, str]

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.manifest.name

    @property
    def folder(self) -> str:
        """The manifest's folder."""
        return self.manifest.folder

    def account(self, target: str) -> Ledger:
        """Return a ledger that knows what was said, and of which services nothing can be exported."""
        keys: dict[str | None, Sequence[str]] = {None: self._top()}
        keys |= {name: self._said(name) for name in self.wish.services}
        ledger = Ledger(keys, f"has no counterpart in {target}")
        for name, why in self.left_out.items():
            ledger.told(name, *keys[name])
            ledger.note(name, "kind", why)
        for name, count in self.manifest.replicas.items():
            if not count.number:
                ledger.note(name, "replicas", "is 0, so there is nothing to export")
        for spec in self.services.values():
            self._begin(spec, ledger)
        return ledger

    def _begin(self, spec: ServiceSpec, ledger: Ledger) -> None:
        """Account for what is the same in all exports."""
        for other in spec.depends_on:
            if other not in self.services:
                ledger.lost(spec.name, f"depends_on.{other}", f"{other} is not exported with it")
        for name in (*spec.env, *sorted(spec.unset)):
            if not is_ordinary(name):
                ledger.note(spec.name, f"env.{name}", "is left out: other programs take no such name")
        for port in spec.ports:
            if port.wanted is None and port.number:
                at = f"{'sockets' if port.held else 'ports'}.{port.name}"
                ledger.note(spec.name, at, f"auto became {port.number}: nobody else chooses a free one at each start")

    def edges(self, spec: ServiceSpec) -> Mapping[str, Dependency]:
        """Return what a service depends on and is exported with it."""
        return {name: edge for name, edge in spec.depends_on.items() if name in self.services}

    def image(self, spec: ServiceSpec) -> str | None:
        """Return a service's image: that of the command line, or the manifest's."""
        images = self.wish.images
        return images.get(spec.name) or images.get(spec.service) or spec.image

    def secrets(self, spec: ServiceSpec) -> Mapping[str, str]:
        """Return the secrets of a service: each with its name where all services share one environment."""
        found = self.vault.variables(spec.name, texts_of(spec))
        return {name: shared for name, shared in found.items() if is_ordinary(name)}

    def unset(self, spec: ServiceSpec) -> list[str]:
        """Return the variables that a service must not have; what mamctl itself sets, it has in spite of that."""
        kept = self.injected(spec)
        return [name for name in sorted(spec.unset) if is_ordinary(name) and name not in kept]

    def environment(self, spec: ServiceSpec, host: str | None = None) -> dict[str, str]:
        """Return what a service finds in its environment, secrets left out. `host`: in place of where it listens."""
        secret = self.secrets(spec)
        found = {name: value for name, value in spec.env.items() if name not in secret and is_ordinary(name)}
        return {"PYTHONUNBUFFERED": "1", **found, **self.injected(spec, host)}

    def injected(self, spec: ServiceSpec, host: str | None = None) -> dict[str, str]:
        """Return what mamctl itself tells a service: where it is to listen."""
        added = {"HOST": host or spec.host, "PORT": str(spec.ports[0].number)} if spec.ports else {}
        added |= {_variable(port.name): str(port.number) for port in spec.ports}
        return {**added, "MAMCTL_REPLICA": str(spec.replica)} if spec.replica_of else added

    def program(self, spec: ServiceSpec) -> str | None:
        """Return the absolute path of what a service executes, as it is found here; None where it is not."""
        path = spec.env.get("PATH") or self.wish.environ.get("PATH") or _SEARCHED
        return self.wish.find(spec.argv[0], path, spec.cwd) if spec.argv else None

    def _said(self, name: str) -> Sequence[str]:
        outer = self.manifest.services[name]
        spec = self.services.get(name, outer)
        own = said(spec, self.folder)
        return own if spec.external or not outer.external else (*own, "identify", "acquire", *_hooks(outer))

    def _top(self) -> list[str]:
        return [*(["smoke"] if self.manifest.smoke else []), *(["control"] if self.manifest.control else [])]


def stack(manifest: Manifest, wish: Wish, *, told: bool = False) -> Stack:
    """Return what there is to export of a manifest. `told`: also what can only be told of, not run."""
    own = {name: _own(spec) for name, spec in manifest.services.items()}
    chosen = {name: own[name] for name in wish.services}
    left_out = {name: _FOREIGN for name, spec in chosen.items() if not (told or spec.argv or _image(spec, wish))}
    services = {name: spec for name, spec in chosen.items() if name not in left_out}
    vault = Vault(list(own.values()), wish.environ)
    return Stack(manifest, MappingProxyType(services), vault, wish, left_out)


_ORDINARY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOREIGN: Final = "is somebody else's, so it is not exported; with an image it could be run"


def is_ordinary(name: str) -> bool:
    """Tell whether every program takes a name of a variable; a manifest allows whatever the system does."""
    return bool(_ORDINARY.fullmatch(name))


def asleep(spec: ServiceSpec) -> bool:
    """Tell whether plain `up` does not start it at once."""
    return spec.manual or bool(spec.profiles) or spec.schedule is not None


def _own(spec: ServiceSpec) -> ServiceSpec:
    """Return what we would start of an external service."""
    inner = spec.external.spawned if spec.external else None
    if inner is None:
        return spec
    return replace(inner, name=spec.name, kind=Kind.SERVICE, external=None)


def _variable(port: str) -> str:
    return "PORT_" + port.upper().replace("-", "_")


def _image(spec: ServiceSpec, wish: Wish) -> str | None:
    return wish.images.get(spec.name) or spec.image


def _hooks(spec: ServiceSpec) -> list[str]:
    release = ["release"] if spec.external and spec.external.release else []
    return [*release, *(f"hooks.{moment.value}" for moment in spec.hooks)]
