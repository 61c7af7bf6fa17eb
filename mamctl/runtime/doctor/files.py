"""Files and folders: the variables they should give, the space there is, and who may write them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from mamctl.core.manifest.dotenv import parse
from mamctl.core.manifest.units import about_size
from mamctl.runtime.doctor.finding import Finding, Level, ok

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.core.manifest.model import Manifest

_ENV: Final = "environment"
_DISK: Final = "disk"
_RIGHTS: Final = "permissions"
_LITTLE: Final = 1_000_000_000
_TOO_LITTLE: Final = 100_000_000
_FEW_FILES: Final = 1000


def check_environment(manifest: Manifest, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the env files, and for the variables that `secrets` and the .env.example beside them name."""
    files = [path for path in manifest.files if os.path.splitext(path)[1] not in (".yaml", ".yml", ".toml", ".json")]
    for path in files:
        yield _rights_of(path, manifest)
    for spec in manifest.services.values():
        inner = spec.external.spawned if spec.external and spec.external.spawned else spec
        for name in sorted(inner.secrets):
            if not inner.env.get(name) and not environ.get(name):
                fix = f"put {name} into an env file of {spec.name}, if it is needed"
                yield Finding(Level.NOTE, _ENV, f"{name}, a secret of {spec.name}, is not set", fix)
    for folder in dict.fromkeys([manifest.folder, *map(os.path.dirname, files)]):
        yield from _examples(folder, manifest, environ)


def _rights_of(path: str, manifest: Manifest) -> Finding:
    name = os.path.relpath(path, manifest.folder)
    if os.path.exists(path) and os.stat(path).st_mode & 0o022:
        return Finding(Level.WARNING, _ENV, f"{name} can be written by others", f"chmod go-w {name}")
    if any(spec.secrets for spec in manifest.services.values()) and os.stat(path).st_mode & 0o004:
        return Finding(Level.NOTE, _ENV, f"{name} can be read by everybody on this machine", f"chmod 600 {name}")
    return ok(_ENV, f"{name} is read")


def _examples(folder: str, manifest: Manifest, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what .env.example has and nobody sets, where there is a .env; what is commented out has a default."""
    if not os.path.exists(os.path.join(folder, ".env")):
        return
    try:
        with open(os.path.join(folder, ".env.example"), encoding="utf-8", errors="replace") as file:
            wanted = parse(file.read(1 << 20))[0]
    except OSError:
        return
    known = {name for spec in manifest.services.values() for name in spec.env} | environ.keys()
    name = os.path.relpath(os.path.join(folder, ".env"), manifest.folder)
    if missing := sorted(wanted.keys() - known):
        fix = f"compare {name} with {name}.example"
        yield Finding(Level.NOTE, _ENV, f"{name}.example has {', '.join(missing)}, and nobody sets it", fix)


def check_disk(folder: str) -> Iterator[Finding]:
    """Look at the space and the number of files that are left where logs and the journal lie."""
    found = _existing(folder)
    free, names = shutil.disk_usage(found).free, os.statvfs(found)
    fix = "free some space, or keep fewer logs (`logs: {max_size: ..., keep: ...}`)"
    if free < _TOO_LITTLE:
        yield Finding(Level.ERROR, _DISK, f"only {about_size(free)} are free in {found}", fix)
    elif free < _LITTLE:
        yield Finding(Level.WARNING, _DISK, f"{about_size(free)} are free in {found}", fix)
    else:
        yield ok(_DISK, f"{about_size(free)} are free in {found}")
    if names.f_files and names.f_favail < _FEW_FILES:
        yield Finding(Level.ERROR, _DISK, f"only {names.f_favail} more files fit into {found}", "remove some files")


def check_permissions(manifest: str, home: str, logs: str) -> Iterator[Finding]:
    """Look at who may write the manifest, and at the folders that a supervisor writes."""
    if os.path.exists(manifest) and os.stat(manifest).st_mode & 0o002:
        fix = f"chmod o-w {manifest}"
        yield Finding(Level.ERROR, _RIGHTS, f"{manifest} is writable by everybody, so `up` refuses it", fix)
    for folder in (home, logs):
        yield _writable(folder)
    if os.path.isdir(home):
        yield from _home(home)
    yield from _own_log(os.path.join(logs, "mamctl.log"))


def _writable(folder: str) -> Finding:
    found = _existing(folder)
    if not os.path.isdir(found):
        return Finding(Level.ERROR, _RIGHTS, f"{found} is in the way: a folder is needed there", "move it away")
    if not os.access(found, os.W_OK | os.X_OK):
        fix = f"make {found} writable for this user"
        return Finding(Level.ERROR, _RIGHTS, f"{folder} cannot be written by this user", fix)
    return ok(_RIGHTS, f"{folder} {'can be written' if found == folder else 'can be made'}")


def _home(home: str) -> Iterator[Finding]:
    found = os.stat(home)
    if found.st_uid != os.getuid():
        fix = "set MAMCTL_HOME to a folder of your own"
        yield Finding(Level.ERROR, _RIGHTS, f"{home} belongs to another user", fix)
    elif found.st_mode & 0o022:
        yield Finding(Level.ERROR, _RIGHTS, f"{home} is writable by others, so `up` refuses it", f"chmod 700 {home}")


def _own_log(path: str) -> Iterator[Finding]:
    if os.path.islink(path):
        yield Finding(Level.ERROR, _RIGHTS, f"{path} is a link, which is not followed", "move it away")
    elif os.path.exists(path) and not os.access(path, os.W_OK):
        yield Finding(Level.ERROR, _RIGHTS, f"{path} cannot be written by this user", f"chmod u+w {path}")


def _existing(path: str) -> str:
    """Return the nearest thing that exists: the path itself, or what it would be made in."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
