"""`mamctl init`: a first services.yaml from what the folder holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mamctl.cli.command import Command, pass_invocation
from mamctl.control.place import NAMES
from mamctl.core.errors import UsageError
from mamctl.ui.amounts import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.cli.invocation import Invocation


@click.command(
    "init",
    cls=Command,
    short_help="Write a first services.yaml from what is found here.",
    examples=["mamctl init", "mamctl init --print", "mamctl -f stack.yaml init"],
)
@click.option("--print", "only_print", is_flag=True, help="Write to stdout and change nothing.")
@click.option("--force", is_flag=True, help="Overwrite a manifest that is there.")
@pass_invocation
def init_command(invocation: Invocation, *, only_print: bool, force: bool) -> int:
    """Write a commented services.yaml from what is found here and one folder down.

    Looked for: Procfile, manage.py, Flask and FastAPI applications, package.json scripts, compose files.
    """
    from mamctl.convert.detect import detect, safe_name
    from mamctl.convert.draft import draft

    path = os.path.abspath(invocation.file or NAMES[0])
    folder = os.path.dirname(path)
    found = detect(folder, python=_python(invocation.environ))
    text = draft(safe_name(os.path.basename(folder)) or "stack", found)
    if only_print:
        invocation.say([text.rstrip("\n")])
        return 0
    _write(path, text, force=force)
    what = count(len(found), "service") if found else "an example: nothing to start was found"
    invocation.say([f"wrote {os.path.relpath(path)} with {what}"])
    invocation.tell([f"{invocation.side_paint('note', 'hint:')} read it, then `mamctl validate` and `mamctl up`"])
    return 0


def _python(environ: Mapping[str, str]) -> str:
    """Return what Python is called on the PATH; where it is not there at all, the name that systems install it by."""
    from shutil import which

    return "python" if which("python", path=environ.get("PATH", os.defpath)) else "python3"


def _write(path: str, text: str, *, force: bool) -> None:
    folder = os.path.dirname(path)
    there = [path, *(os.path.join(folder, name) for name in NAMES)] if os.path.basename(path) in NAMES else [path]
    existing = next((name for name in there if os.path.exists(name)), None)
    if existing and not force:
        raise UsageError(f"{os.path.relpath(existing)} exists already", "--force overwrites it, --print only shows")
    try:
        with open(path, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileNotFoundError:
        raise UsageError(f"the folder {folder} does not exist", "make it first") from None
