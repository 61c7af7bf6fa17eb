"""`mamctl import`: a manifest from what another program runs."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.control.place import NAMES
from mamctl.convert.importing.reader import FORMATS
from mamctl.core.errors import MamctlError, ManifestError, UsageError
from mamctl.ui.amounts import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.convert.importing.reader import Imported
    from mamctl.convert.importing.stack import Note
    from mamctl.core.errors import Problem

STDOUT = ("-", "/dev/stdout")


@click.command(
    "import",
    cls=Command,
    short_help="Make a services.yaml of what another program runs.",
    examples=[
        "mamctl import Procfile",
        "mamctl import supervisord.conf -o services.yaml",
        "mamctl import compose.yaml -o - --json",
        "mamctl import web.service worker.service --force",
    ],
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, shell_complete=known.files)
@click.option("-o", "--output", metavar="FILE", shell_complete=known.files, help="Where to write; - is stdout.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="What FILE is; else it is found out.")
@click.option("--force", is_flag=True, help="Overwrite a manifest that is there.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON document on stdout.")
@pass_invocation
def import_command(
    invocation: Invocation,
    files: tuple[str, ...],
    *,
    output: str | None,
    format_name: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write a commented services.yaml that `mamctl validate` accepts, and report what has no counterpart.

    Read are Procfiles, supervisord.conf, compose files, process-compose.yaml, pm2's ecosystem files, circus.ini and
    systemd's .service units, of which several may be named. Nothing is started.
    """
    from mamctl.cli.foreign import yaml_value
    from mamctl.convert.importing.reader import Tools, convert

    path = None if output in STDOUT else os.path.abspath(output or invocation.file or NAMES[0])
    if path and not force:
        _require_free(path)
    target = os.path.dirname(path) if path else os.getcwd()
    tools = Tools(yaml_value, lambda text: _check(text, target, invocation), invocation.environ)
    imported = convert(files, target, tools, format_name=format_name)
    if path:
        _write(path, imported.text, force=force)
    if as_json:
        invocation.document(_document(imported, path))
        return 0
    if path is None:
        invocation.say([imported.text.rstrip("\n")])
    _report(invocation, imported, path)
    return 0


def _check(text: str, target: str, invocation: Invocation) -> Sequence[Problem]:
    """Return what `validate` has to say about a text in that folder, where its paths begin."""
    from mamctl.convert.importing.settling import CHECKED
    from mamctl.runtime.manifest import inspect

    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target, prefix=CHECKED, suffix=".yaml") as file:
            file.write(text)
            file.flush()
            inspect(file.name, environ=invocation.environ)
    except ManifestError as error:
        return error.problems
    except FileNotFoundError:
        raise UsageError(f"the folder {target} does not exist", "make it first") from None
    except OSError as error:
        raise _unwritable(target, error) from None
    return ()


def _require_free(path: str) -> None:
    folder = os.path.dirname(path)
    there = [path, *(os.path.join(folder, name) for name in NAMES)] if os.path.basename(path) in NAMES else [path]
    if existing := next((name for name in there if os.path.lexists(name)), None):
        raise UsageError(f"{os.path.relpath(existing)} exists already", "--force overwrites it, `-o -` only shows")


def _write(path: str, text: str, *, force: bool) -> None:
    try:
        with open(path, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{os.path.relpath(path)} exists already", "--force overwrites it") from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: str, error: OSError) -> MamctlError:
    why = os.strerror(error.errno or 0).lower()
    return MamctlError(
        f"{os.path.relpath(path)} cannot be written: {why}", "`-o FILE` names another, `-o -` only shows"
    )


def _document(imported: Imported, path: str | None) -> dict[str, object]:
    where: dict[str, object] = {"manifest": path} if path else {"manifest": None, "text": imported.text}
    return {
        "format": imported.format,
        **where,
        "services": list(imported.services),
        "notes": [
            {"file": note.file, "line": note.line, "key": note.key, "left_out": note.left_out, "message": note.message}
            for note in imported.notes
        ],
    }


def _report(invocation: Invocation, imported: Imported, path: str | None) -> None:
    invocation.tell([_told(note) for note in imported.notes])
    left = sum(note.left_out for note in imported.notes)
    what = (
        f"{count(len(imported.services), 'service')}; {count(left, 'key')} left out"
        if left
        else count(len(imported.services), "service")
    )
    if path:
        invocation.say([f"wrote {os.path.relpath(path)} with {what}"])
        invocation.tell([f"{invocation.side_paint('note', 'hint:')} read it, then `mamctl validate` and `mamctl up`"])


def _told(note: Note) -> str:
    from mamctl.convert.importing.rendering import printable

    place = f"{note.file}:{note.line}: " if note.file else ""
    key = f"{printable(note.key)}: " if note.key else ""
    return f"{place}{key}{'left out: ' if note.left_out else ''}{note.message}"
