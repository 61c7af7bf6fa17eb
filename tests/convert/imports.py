"""Samples of other programs' files, and the importer as a function."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mamctl.cli.foreign import yaml_value
from mamctl.convert.importing.reader import Imported, Tools, convert
from mamctl.convert.importing.settling import CHECKED
from mamctl.core.errors import ManifestError
from mamctl.runtime.manifest import inspect

SAMPLES = Path(__file__).parent / "samples"
# Each sample: its files, the first of which has the golden output beside it.
FILES = {
    "procfile": ["Procfile"],
    "supervisord": ["supervisord.conf"],
    "compose": ["compose.yaml"],
    "process-compose": ["process-compose.yaml"],
    "pm2": ["ecosystem.json"],
    "pm2-script": ["ecosystem.config.js"],
    "circus": ["circus.ini"],
    "systemd": ["web.service", "db.service"],
}
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/home/someone"}


def checker(folder, environ):
    def check(text):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=CHECKED, suffix=".yaml") as file:
            file.write(text)
            file.flush()
            try:
                inspect(file.name, environ=environ)
            except ManifestError as error:
                return error.problems
            return ()

    return check


def imported(*paths, format_name=None, environ=ENVIRON) -> Imported:
    """Import files as the command line does, for a manifest beside the first."""
    folder = os.path.dirname(os.path.abspath(paths[0]))
    tools = Tools(yaml_value, checker(folder, environ), environ)
    return convert([str(path) for path in paths], folder, tools, format_name=format_name)


def copied(name, folder) -> Path:
    """Return a copy of a sample's folder."""
    target = Path(folder) / "stack"
    shutil.copytree(SAMPLES / name, target)
    return target
