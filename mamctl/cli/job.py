"""What `install` has an init system run: found from the manifest, this interpreter, and who asks.

A unit does not see the shell that it was written in. So the manifest is read as the unit will read it: with its PATH,
its user's home, and nothing else. What is missing then is told now, and not at the next boot.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from typing import TYPE_CHECKING

from mamctl.cli.search import manifest_path
from mamctl.control.place import place
from mamctl.convert.units.job import Job, Scope, can_be_named
from mamctl.core.errors import ManifestError, UsageError
from mamctl.core.longest_stop import longest_stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.core.manifest.model import Manifest, ServiceSpec

# As much as `mamctl down` waits by itself, when the manifest asks for less.
SHORTEST = 60.0


def job_for(
    file: str | None, environ: Mapping[str, str], *, scope: Scope, profiles: Sequence[str]
) -> tuple[Job, Manifest]:
    """Return what a unit for the manifest is to run, and the manifest as the unit will see it.

    Raises UsageError when it cannot be named in a unit, and ManifestError with the unit's environment in mind.
    """
    path = manifest_path(file, environ)
    account = account_of(path, environ, scope)
    given = unit_environ(environ)
    for text in (path, sys.executable, *profiles, *given.values()):
        _require_nameable(text)
    manifest = _as_the_unit_sees_it(path, {**_login(account), **given}, environ)
    _require_short_socket(path, given, scope)
    job = Job(
        name=manifest.name,
        python=os.path.abspath(sys.executable),
        manifest=path,
        scope=scope,
        user=account.pw_name if scope is Scope.SYSTEM and account.pw_uid else None,
        profiles=tuple(dict.fromkeys(profiles)),
        environ=given,
        stop_seconds=max(SHORTEST, longest_stop(manifest.services)),
    )
    return job, manifest


def account_of(path: str, environ: Mapping[str, str], scope: Scope) -> pwd.struct_passwd:
    """Return whom the stack runs as: who says sudo, else the owner of the manifest; with `--user`, ourselves."""
    if scope is Scope.USER:
        return _account(os.getuid())
    sudo = environ.get("SUDO_USER")
    if os.getuid() == 0 and sudo and sudo != "root":
        try:
            return pwd.getpwnam(sudo)
        except KeyError:
            raise UsageError(f"SUDO_USER names a user that does not exist: {sudo}") from None
    return _account(os.stat(path).st_uid)


def unit_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the unit gets: where programs are found, and where the stack's files are."""
    folders = [folder for folder in environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]
    found = {"PATH": os.pathsep.join(dict.fromkeys(folders))}
    if environ.get("MAMCTL_HOME"):
        found["MAMCTL_HOME"] = os.path.abspath(environ["MAMCTL_HOME"])
    return found


def warnings(job: Job, manifest: Manifest) -> list[str]:
    """Return sentences about what will not work at the next start, as far as it can be seen now."""
    missing: dict[str, list[str]] = {}
    for spec in manifest.services.values():
        if (program := _program(spec)) and not _is_found(program, spec, job.environ["PATH"]):
            missing.setdefault(program, []).append(spec.name)
    return [
        f"{program} (of {', '.join(names)}) is not on the PATH that the unit gets; install with the right one: "
        'sudo env "PATH=$PATH" mamctl install'
        for program, names in missing.items()
    ]


def _program(spec: ServiceSpec) -> str | None:
    """Return the program of a service when it is looked up on the PATH."""
    spec = spec.external.spawned if spec.external and spec.external.spawned else spec
    return spec.argv[0] if spec.argv and "/" not in spec.argv[0] else None


def _is_found(program: str, spec: ServiceSpec, path: str) -> bool:
    return shutil.which(program, path=spec.env.get("PATH", path)) is not None


def _account(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise UsageError(f"user {uid} has no name on this system", "units run as users that the system knows") from None


def _login(account: pwd.struct_passwd) -> dict[str, str]:
    """Return what an init system sets for a user."""
    name = account.pw_name
    return {"HOME": account.pw_dir, "USER": name, "LOGNAME": name, "SHELL": account.pw_shell}


def _require_nameable(text: str) -> None:
    if not can_be_named(text):
        raise UsageError(
            f"a unit cannot name {text!r}: it is not UTF-8, or has control characters", "give it another name"
        )


def _as_the_unit_sees_it(path: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> Manifest:
    from mamctl.runtime.manifest import inspect

    try:
        return inspect(path, environ=theirs)
    except ManifestError as error:
        inspect(path, environ=ours)  # raises, when it is not the environment's fault
        error.message = (
            f"{error.message} when the variables of this shell are missing, as in a unit; put them into env_file"
        )
        raise


def _require_short_socket(path: str, given: Mapping[str, str], scope: Scope) -> None:
    """Refuse a home that is too long for a socket: where it would lie instead, a unit of the system does not agree."""
    found = place(path, given)
    if scope is Scope.SYSTEM and os.path.dirname(found.socket) != found.home:
        raise UsageError(
            f"the path {found.home} is too long for the control socket of a unit",
            "set MAMCTL_HOME to a folder with a shorter path, here and in the shells you use; or use --user",
        )
