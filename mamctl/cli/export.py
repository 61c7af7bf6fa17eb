"""`mamctl export`: the stack in the words of another program, and a report of what these words cannot say."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Final

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.convert.exporting.ledger import Note
    from mamctl.convert.exporting.stack import Export, File
    from mamctl.core.manifest.model import Manifest
    from mamctl.runtime.manifest import PortRequest

# Each is a module of convert/exporting.
TARGETS: Final = ("systemd", "launchd", "compose", "kubernetes", "procfile", "supervisord", "markdown")
# These write a file for each service, so what -o names is a folder.
_MANY: Final = frozenset({"systemd", "launchd"})
# From here on a number is given to a port that the manifest leaves open.
_FIRST_PORT: Final = 8000
_HINT: Final = "without -o it is written to stdout"


@click.command(
    "export",
    cls=Command,
    short_help="Write the stack for another program, or for people.",
    examples=[
        "mamctl export compose -o compose.yaml",
        "mamctl export systemd -o units/",
        "mamctl export kubernetes backend --image backend=registry/shop:1",
        "mamctl export markdown -o docs/services.md --force",
    ],
)
@click.argument("target", type=click.Choice(TARGETS), metavar="TARGET")
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option(
    "-o", "--output", metavar="PATH", shell_complete=known.files, help="A file or folder to write, in place of stdout."
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="SERVICE=REF",
    shell_complete=known.assignments,
    help="The container image of a service, in place of the manifest's.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@pass_invocation
def export_command(
    invocation: Invocation,
    *,
    target: str,
    services: tuple[str, ...],
    output: str | None,
    images: tuple[str, ...],
    force: bool,
) -> int:
    """Write the stack for another program: systemd, launchd, compose, kubernetes, procfile, supervisord or markdown.

    Without names all services. Each key that has no counterpart is named on stderr. Secrets are written as references.
    """
    exported = _exported(invocation, target, services, images)
    if output in (None, "-", "/dev/stdout"):
        invocation.say([_joined(target, exported.files).rstrip("\n")])
    else:
        written = _write(str(output), exported.files, force=force, many=target in _MANY)
        invocation.tell([f"wrote {os.path.relpath(path)}" for path in written])
    invocation.tell(_report(exported.notes, invocation, target))
    return 0


def _exported(invocation: Invocation, target: str, services: Sequence[str], images: Sequence[str]) -> Export:
    from mamctl.convert.exporting.stack import Wish, stack
    from mamctl.core.selection import families_of, select

    told = target == "markdown"
    manifest = invocation.manifest() if told else _numbered(invocation)
    families = families_of(manifest.services.values(), manifest.replicas)
    names = select(services, manifest.services, families)
    if not names:
        raise UsageError("the manifest has no service to export")
    wish = Wish(names, _images(images, manifest), invocation.environ, _find)
    exporter = importlib.import_module(f"mamctl.convert.exporting.{target}")
    found: Export = exporter.export(stack(manifest, wish, told=told))
    return found


def _numbered(invocation: Invocation) -> Manifest:
    """Return the manifest with a number for every port: nobody else chooses one at each start."""
    from mamctl.cli.search import manifest_path
    from mamctl.runtime.manifest import load

    return load(manifest_path(invocation.file, invocation.environ), environ=invocation.environ, assign=_fixed)


def _fixed(requests: Sequence[PortRequest]) -> Mapping[tuple[str, str], int]:
    """Give each open port a number that the manifest does not name; the same ones each time."""
    named = {request.wanted for request in requests}
    free = (number for number in range(_FIRST_PORT, 65536) if number not in named)
    return {(request.service, request.name): request.wanted or next(free) for request in requests}


def _images(written: Iterable[str], manifest: Manifest) -> dict[str, str]:
    from mamctl.core.manifest.nearest import did_you_mean

    known_names = {name for spec in manifest.services.values() for name in (spec.name, spec.service)}
    found: dict[str, str] = {}
    for one in written:
        name, equals, image = one.partition("=")
        if not equals or not image.strip():
            raise UsageError(f"--image {one}: is not SERVICE=REF", "for example --image backend=registry/shop:1")
        if name not in known_names:
            raise UsageError(f"no such service: {name}", did_you_mean(name, sorted(known_names)))
        found[name] = image
    return found


def _find(program: str, path: str, folder: str) -> str | None:
    """Return the absolute path of a program as a service in that folder would find it."""
    from shutil import which

    if "/" in program:
        return os.path.normpath(os.path.join(folder, program))
    found = which(program, path=os.pathsep.join(os.path.join(folder, one) for one in path.split(os.pathsep)))
    return os.path.normpath(found) if found else None


def _joined(target: str, files: Sequence[File]) -> str:
    """Return all files as one text, each with its name above it where there are several kinds of them."""
    if target not in _MANY:
        return files[0].text
    opening, closing = ("<!-- ", " -->") if target == "launchd" else ("# ", "")
    return "\n".join(f"{opening}{file.name}{closing}\n{file.text}" for file in files)


def _write(output: str, files: Sequence[File], *, force: bool, many: bool) -> list[str]:
    from mamctl.cli.unitfile import is_stream, write

    folder = many or output.endswith("/") or os.path.isdir(output)
    if folder and os.path.lexists(output) and not os.path.isdir(output):
        raise UsageError(f"{output} is no folder", "several files are written: name a folder")
    paths = [os.path.join(output, file.name) if folder else output for file in files]
    there = [path for path in paths if os.path.lexists(path) and not is_stream(path)]
    if there and not force:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{os.path.relpath(there[0])} exists already{more}", "--force overwrites; " + _HINT)
    for path, file in zip(paths, files, strict=True):
        write(os.path.abspath(path), file.text, hint=_HINT)
    return paths


def _report(notes: Sequence[Note], invocation: Invocation, target: str) -> list[str]:
    paint = invocation.side_paint
    lost = _grouped(note for note in notes if note.lost)
    told = _grouped(note for note in notes if not note.lost)
    lines = [paint("note", f"not in {target}:"), *lost] if lost else []
    return [*lines, *([paint("note", "to know:"), *told] if told else [])]


def _grouped(notes: Iterable[Note]) -> list[str]:
    """Return a line for each sentence, with all services of which it is true."""
    services: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        services.setdefault((note.key, note.text), []).extend([note.service] if note.service else [])
    return [
        f"  {', '.join(names)}: {key}: {text}" if names else f"  {key}: {text}"
        for (key, text), names in services.items()
    ]
