"""The programs and folders that the manifest names, and the versions that the folders ask for."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any, Final

from mamctl.core.manifest.model import ExecProbe
from mamctl.runtime.accounts import complaint
from mamctl.runtime.doctor.finding import Finding, Level, ok
from mamctl.runtime.doctor.ranges import holds, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.core.manifest.model import Manifest, ServiceSpec

_PROGRAMS: Final = "programs"
_USERS: Final = "users"
_VERSIONS: Final = "versions"
_ASK_SECONDS: Final = 5.0
_PYTHON: Final = re.compile(r"python[0-9.]*$")
_NODE: Final = {"node", "npm", "npx", "yarn", "pnpm"}


def check_programs(manifest: Manifest, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look for the folder and the program of every service, and of its exec probes."""
    for spec in _all(manifest):
        if not os.path.isdir(spec.cwd):
            yield _missing(spec, f"the folder {spec.cwd} does not exist", f"make it, or correct `cwd` of {spec.name}")
            continue
        for what, program in _named(spec):
            path = find_program(program, spec, environ)
            if path is None:
                fix = f"install {program}, or correct `{what}` of {spec.name} (or PATH in its env)"
                yield _missing(spec, f"{program}, the {what} of {spec.name}, was not found", fix)
            else:
                yield ok(_PROGRAMS, f"{program}, the {what} of {spec.name}, is {path}")


def check_accounts(manifest: Manifest) -> Iterator[Finding]:
    """See whether every service that has a user or a group of its own can be started as that."""
    for spec in _all(manifest):
        if spec.account.user is None and spec.account.group is None:
            continue
        if why := complaint(spec.account):
            yield Finding(
                Level.ERROR, _USERS, f"{spec.name} cannot be started: {why}", f"correct `user` of {spec.name}"
            )
        else:
            yield ok(_USERS, f"{spec.name} runs as {spec.account.user or spec.account.group}")


def check_versions(manifest: Manifest, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the versions that package.json, .nvmrc and pyproject.toml in the services' folders ask for."""
    yield _of_mamctl()
    asked: dict[tuple[str, str, str], ServiceSpec] = {}
    for spec in _all(manifest):
        for folder in _folders(spec):
            for program, wanted, source in _wishes(folder):
                asked.setdefault((program, wanted, source), spec)
    for (program, wanted, source), spec in asked.items():
        yield _compared(program, wanted, os.path.relpath(source, manifest.folder), spec, environ)


def find_program(program: str, spec: ServiceSpec, environ: Mapping[str, str]) -> str | None:
    """Return the path of a program as a service would find it: by its PATH, seen from its folder."""
    if "/" in program:
        path = os.path.join(spec.cwd, program)
        return path if os.path.isfile(path) and os.access(path, os.X_OK) else None
    given = "" if "PATH" in spec.unset else spec.env.get("PATH", environ.get("PATH", os.defpath))
    folders = [os.path.join(spec.cwd, folder) for folder in given.split(os.pathsep)]
    return shutil.which(program, path=os.pathsep.join(folders))


def _all(manifest: Manifest) -> Iterator[ServiceSpec]:
    for spec in manifest.services.values():
        yield spec.external.spawned if spec.external and spec.external.spawned else spec


def _named(spec: ServiceSpec) -> Iterator[tuple[str, str]]:
    if spec.argv:
        yield "command", spec.argv[0]
    for what, probe in (("ready", spec.ready), ("live", spec.live)):
        if probe is not None and isinstance(probe.check, ExecProbe):
            yield what, probe.check.argv[0]


def _missing(spec: ServiceSpec, message: str, fix: str) -> Finding:
    """Return an error; about what plain `up` does not start, a warning."""
    level = Level.WARNING if spec.manual or spec.profiles else Level.ERROR
    return Finding(level, _PROGRAMS, message, fix)


def _of_mamctl() -> Finding:
    from mamctl.version import VERSION

    python = ".".join(map(str, sys.version_info[:3]))
    return ok(_VERSIONS, f"mamctl {VERSION} on Python {python}")


def _folders(spec: ServiceSpec) -> list[str]:
    """Return where a service's program may lie: its folder, that of its script, that of its Python module."""
    folders = [spec.cwd]
    for word, following in itertools.pairwise(spec.argv):
        if word == "-m":
            folders.append(os.path.join(spec.cwd, *following.split(".")))
    folders += [
        os.path.dirname(os.path.join(spec.cwd, word)) for word in spec.argv[1:] if word.endswith((".py", ".js"))
    ]
    return [folder for folder in dict.fromkeys(map(os.path.normpath, folders)) if os.path.isdir(folder)]


def _wishes(folder: str) -> Iterator[tuple[str, str, str]]:
    """Yield program, range and file for each wish of a folder; what cannot be read has none."""
    package = _read_json(os.path.join(folder, "package.json"))
    engines = package.get("engines") if isinstance(package, dict) else None
    if isinstance(engines, dict) and isinstance(engines.get("node"), str):
        yield "node", engines["node"], os.path.join(folder, "package.json")
    if wanted := _read(os.path.join(folder, ".nvmrc")).strip().removeprefix("v"):
        yield "node", wanted, os.path.join(folder, ".nvmrc")
    project = _read_toml(os.path.join(folder, "pyproject.toml")).get("project")
    if isinstance(project, dict) and isinstance(project.get("requires-python"), str):
        yield "python", project["requires-python"], os.path.join(folder, "pyproject.toml")


def _compared(program: str, wanted: str, source: str, spec: ServiceSpec, environ: Mapping[str, str]) -> Finding:
    path = _interpreter(program, spec, environ)
    if path is None:
        return Finding(
            Level.NOTE, _VERSIONS, f"{source} wants {program} {wanted}, and none is on the PATH of {spec.name}",
            f"install {program} {wanted}, unless {spec.name} brings its own",
        )  # fmt: skip
    version = _ask(path)
    text = ".".join(map(str, version or ()))
    verdict = holds(wanted, version) if version else None
    if verdict is None:
        return Finding(Level.NOTE, _VERSIONS, f"{source} wants {program} {wanted}; {path} is {text or 'unknown'}")
    if verdict:
        return ok(_VERSIONS, f"{program} {text} of {spec.name} is what {source} wants ({wanted})")
    # Who is started by the program itself will meet it; others may bring their own.
    level = Level.ERROR if _uses(program, spec) else Level.WARNING
    return Finding(
        level, _VERSIONS, f"{program} {text} ({path}) is not what {source} wants: {wanted}",
        f"install {program} {wanted}, or put it first in PATH of {spec.name}",
    )  # fmt: skip


def _interpreter(program: str, spec: ServiceSpec, environ: Mapping[str, str]) -> str | None:
    if program == "python" and spec.argv and _PYTHON.search(spec.argv[0]):
        return find_program(spec.argv[0], spec, environ)
    return find_program("python3" if program == "python" else program, spec, environ)


def _uses(program: str, spec: ServiceSpec) -> bool:
    name = os.path.basename(spec.argv[0]) if spec.argv else ""
    return bool(_PYTHON.match(name)) if program == "python" else name in _NODE


def _ask(path: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version_of(done.stdout or done.stderr)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def _read_json(path: str) -> Any:
    try:
        return json.loads(_read(path) or "null")
    except (ValueError, RecursionError):
        return None


def _read_toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path))
    except (ValueError, RecursionError):
        return {}
