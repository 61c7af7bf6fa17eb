"""A folder with a manifest, a fake supervisor beside it, and the command line as a function."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mamctl.cli.main import run

sys.path.insert(0, os.path.dirname(__file__))
from fake_supervisor import FakeSupervisor, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANIFEST = """\
name: mam
services:
  migrate: {kind: task, command: [python3, -c, "print('migrated')"]}
  backend: {command: [sleep, "60"], depends_on: [migrate]}
"""


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a manifest, as the current folder of a clean environment."""
    (tmp_path / "services.yaml").write_text(MANIFEST)
    (tmp_path / ".mamctl").mkdir(mode=0o700)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def supervisor(stack: Path) -> Iterator[FakeSupervisor]:
    """Run a fake supervisor for the folder's manifest."""
    with serving(str(stack / ".mamctl" / "control.sock")) as fake:
        yield fake


@pytest.fixture
def mamctl(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Outcome]:
    """Return the command line: words in, exit code and texts out. Piped, so without colour."""

    def command(*words: str, **environ: str) -> Outcome:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "100", **environ}
        capsys.readouterr()
        code = run(words, env)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return command
