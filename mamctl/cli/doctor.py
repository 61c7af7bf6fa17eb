"""`mamctl doctor`: what keeps this stack from working here, and what to do about it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.search import manifest_path
from mamctl.control.place import place
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.runtime.doctor.finding import Finding, Level, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.control.place import Place
    from mamctl.core.manifest.model import Manifest

_MANIFEST: Final = "manifest"
_SUPERVISOR: Final = "supervisor"
_LEFT: Final = "leftovers"


@click.command(
    "doctor",
    cls=Command,
    short_help="Find what keeps the stack from working here.",
    examples=["mamctl doctor", "mamctl doctor --json | jq '.findings[] | select(.level == \"error\")'"],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_invocation
def doctor_command(invocation: Invocation, *, as_json: bool) -> int:
    """Look at all that the stack needs here: programs and versions, ports, env files, disk, permissions, limits.

    Also at the supervisor, its guardian, and what dead ones left. Nothing is changed. Each finding is
    ok, note, warning or error, with a fix; ends with 1 when there is an error. A broken manifest is one,
    and the rest is looked at all the same.
    """
    findings = list(dict.fromkeys(Doctor(invocation).findings()))
    errors = sum(finding.level is Level.ERROR for finding in findings)
    if as_json:
        counts = {
            f"{level}s": sum(finding.level is level for finding in findings) for level in (Level.ERROR, Level.WARNING)
        }
        invocation.document({"ok": not errors, **counts, "findings": [finding._asdict() for finding in findings]})
    else:
        from mamctl.ui.checkup import lines

        documents = [finding._asdict() for finding in findings]
        invocation.say(lines(documents, invocation.width, invocation.paint))
    return MamctlError.exit_code if errors else 0


class Doctor:
    """One look at one stack."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._flexible: set[tuple[str, str]] = set()

    def findings(self) -> Iterator[Finding]:
        """Yield everything; a check that cannot be carried out is a finding, too."""
        where, manifest = self._where(), None
        if isinstance(where, Finding):
            yield where
        else:
            manifest = yield from self._manifest(where)
        for check in self._checks(None if isinstance(where, Finding) else where, manifest):
            try:
                yield from check()
            except UsageError as error:
                # The home is another manifest's: all that would ask its supervisor says so.
                yield Finding(Level.ERROR, _SUPERVISOR, error.message, error.hint)
            except (MamctlError, OSError) as error:
                yield Finding(Level.WARNING, "doctor", f"something could not be looked at: {error}")

    def _where(self) -> Place | Finding:
        try:
            return place(manifest_path(self._invocation.file, self._invocation.environ), self._invocation.environ)
        except UsageError as error:
            return Finding(Level.ERROR, _MANIFEST, error.message, error.hint)

    def _manifest(self, where: Place) -> Generator[Finding, None, Manifest | None]:
        """Yield what is wrong with the manifest, and return it; None when it cannot be used."""
        try:
            manifest = self._read(where)
        except ManifestError as error:
            for problem in error.problems:
                yield Finding(Level.ERROR, _MANIFEST, str(problem), problem.hint)
            return None
        except UsageError as error:
            yield Finding(Level.ERROR, _MANIFEST, error.message, error.hint)
            return None
        yield ok(_MANIFEST, f"{os.path.basename(manifest.path)} is valid")
        for warning in manifest.warnings:
            yield Finding(Level.WARNING, _MANIFEST, warning)
        return manifest

    def _read(self, where: Place) -> Manifest:
        from mamctl.runtime.manifest import PortRequest, inspect, load, preferred

        def notice(requests: Sequence[PortRequest]) -> Mapping[tuple[str, str], int]:
            self._flexible = {(request.service, request.name) for request in requests if request.fallback}
            return preferred(requests)

        load(where.manifest, environ=self._invocation.environ, assign=notice)
        return inspect(where.manifest, environ=self._invocation.environ)

    def _checks(self, where: Place | None, manifest: Manifest | None) -> Iterator[Callable[[], Iterable[Finding]]]:
        from mamctl.runtime.doctor import files, programs, system

        environ = self._invocation.environ
        if manifest is not None:
            yield lambda: programs.check_programs(manifest, environ)
            yield lambda: programs.check_accounts(manifest)
            yield lambda: programs.check_versions(manifest, environ)
            yield lambda: files.check_environment(manifest, environ)
        if where is not None:
            yield lambda: self._ports(manifest) if manifest else ()
            yield lambda: files.check_permissions(where.manifest, where.home, where.logs)
            yield lambda: self._supervisor(where)
            yield lambda: self._left(where)
            yield lambda: self._externals(manifest) if manifest else ()
        yield lambda: files.check_disk(where.home if where else os.getcwd())
        yield lambda: system.check_limits(len(manifest.services) if manifest else 1)
        yield system.check_abilities

    # What the parts of the stack say -------------------------------------------------------------------------------

    def _ports(self, manifest: Manifest) -> Iterator[Finding]:
        from mamctl.cli.ports import survey_of
        from mamctl.runtime.doctor.holders import check_ports

        external = {spec.name for spec in manifest.services.values() if spec.external}
        yield from check_ports(survey_of(self._invocation), flexible=self._flexible, external=external)

    def _supervisor(self, where: Place) -> Iterator[Finding]:
        from mamctl.control.door import ask_guardian

        status = self._invocation.status()
        if status is not None:
            yield from _standing(status)
            return
        guard = ask_guardian(where)
        if guard is not None and guard.gave_up:
            told = f"its supervisor crashed {guard.crashes} times in a minute, and guardian {guard.pid} gave up on it"
            fix = "look at logs/mamctl.log, then `mamctl up -d` makes it try again"
            yield Finding(Level.ERROR, _SUPERVISOR, told, fix)
        elif guard is not None:
            yield Finding(
                Level.WARNING, _SUPERVISOR, f"guardian {guard.pid} is just starting a supervisor", "ask again"
            )
        elif os.path.lexists(where.socket):
            fix = "`mamctl up -d` replaces it"
            yield Finding(Level.NOTE, _SUPERVISOR, f"{where.socket} is left of a supervisor that died", fix)
        else:
            yield ok(_SUPERVISOR, "no supervisor runs")

    def _left(self, where: Place) -> Iterator[Finding]:
        from mamctl.runtime.orphans import find_orphans, find_unknown

        running = self._invocation.status() is not None
        dead = [] if running else find_orphans(where.journal)
        for orphan in dead:
            fix = "`mamctl up -d` takes it over, `mamctl down` stops it"
            yield Finding(Level.WARNING, _LEFT, f"{orphan.service} (pid {orphan.pid}) runs without a supervisor", fix)
        unknown = find_unknown(where.home, where.journal)
        for orphan in unknown:
            told = f"{orphan.service} (pid {orphan.pid}) was started from here, and no journal knows it"
            yield Finding(Level.WARNING, _LEFT, told, "`mamctl up --reclaim` stops it first")
        if not dead and not unknown:
            yield ok(_LEFT, "nothing is left of dead supervisors")

    def _externals(self, manifest: Manifest) -> Iterator[Finding]:
        status = self._invocation.status()
        if status is None:
            from mamctl.runtime.doctor.externals import check_externals

            yield from check_externals(manifest)
            return
        for row in status["services"]:
            if row["kind"] == "external":
                yield _external(row)


def _standing(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield how a running supervisor, its guardian and its services are."""
    from mamctl.ui import words
    from mamctl.version import VERSION

    found = status["supervisor"]
    yield ok(_SUPERVISOR, f"supervisor {found['pid']} runs, version {found['version']}")
    if found["version"] != VERSION:
        told = f"version {VERSION} is installed, and {found['version']} runs"
        yield Finding(Level.WARNING, _SUPERVISOR, told, "`mamctl reexec` replaces it, and no service notices")
    if found.get("guardian_pid") is None:
        told = "it has no guardian: if it dies, nobody starts another"
        yield Finding(Level.WARNING, _SUPERVISOR, told, "look at logs/mamctl.log")
    else:
        yield ok(_SUPERVISOR, f"guardian {found['guardian_pid']} watches over it")
    for row in status["services"]:
        if row["state"] in ("failed", "unhealthy") and row["kind"] != "external":
            told = f"{row['name']} is {row['state']}: {words.why(row) or 'no reason is known'}"
            yield Finding(Level.WARNING, "services", told, words.next_step(row))


def _external(row: Mapping[str, Any]) -> Finding:
    from mamctl.ui import words

    name = str(row["name"])
    if row["state"] == "failed":
        return Finding(Level.ERROR, "external", f"{name} is failed: {words.why(row)}", words.next_step(row))
    if row.get("reason") == "absent":
        return Finding(Level.NOTE, "external", f"{name} is absent", words.next_step(row))
    if row["state"] == "ready" and row["ownership"] == "external":
        return ok("external", f"{name} was started by hand, and is attached to")
    how = "is one of our own" if row["ownership"] == "managed" and row["pid"] else f"is {row['state']}"
    return ok("external", f"{name} {how}")
