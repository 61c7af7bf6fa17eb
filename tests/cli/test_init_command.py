from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mamctl.convert.detect import detect
from mamctl.convert.draft import draft, scalar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome

COMPOSE = """\
services:
  db: {image: postgres, ports: ["5432:5432"]}
  cache: {image: redis, ports: [{target: 6379, published: 6380}]}
  job: {image: busybox}
"""
PROJECTS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "a Procfile": (
        {"Procfile": "web: gunicorn app -b :$PORT\nworker: python worker.py\nrelease: ./migrate.sh\n# no: comment\n"},
        {
            "web": {"command": "gunicorn app -b :$$PORT", "shell": True, "port": "auto"},
            "worker": {"command": "python worker.py"},
            "release": {"kind": "task", "command": "./migrate.sh"},
        },
    ),
    "a Vite frontend in a subfolder": (
        {"ui/package.json": json.dumps({"scripts": {"dev": "vite"}}), "ui/pnpm-lock.yaml": ""},
        {"ui": {"cwd": "ui", "command": ["pnpm", "run", "dev"], "host": "localhost", "port": 5173}},
    ),
    "a script with its own port": (
        {"web/package.json": json.dumps({"scripts": {"start": "node server.js --port 4000"}})},
        {"web": {"cwd": "web", "command": ["npm", "run", "start"], "host": "localhost", "port": 4000}},
    ),
    "Django": (
        {"site/manage.py": "import django"},
        {
            "site-migrate": {"cwd": "site", "kind": "task", "command": ["python", "manage.py", "migrate"]},
            "site": {
                "cwd": "site",
                "command": ["python", "manage.py", "runserver", "127.0.0.1:8000"],
                "port": 8000,
                "depends_on": ["site-migrate"],
            },
        },
    ),
    "FastAPI": (
        {"svc/main.py": "from fastapi import FastAPI\napi = FastAPI()\n"},
        {
            "svc": {
                "cwd": "svc",
                "command": ["python", "-m", "uvicorn", "main:api", "--host", "127.0.0.1", "--port", "8000"],
                "port": 8000,
            }
        },
    ),
    "Flask": (
        {"svc/app.py": "app = Flask(__name__)"},
        {
            "svc": {
                "cwd": "svc",
                "command": ["python", "-m", "flask", "--app", "app", "run", "--host", "127.0.0.1", "--port", "5000"],
                "port": 5000,
            }
        },
    ),
    "a compose file": (
        {"compose.yaml": COMPOSE},
        {
            name: {"command": ["docker", "compose", "-f", "compose.yaml", "up", "--no-log-prefix", name], **more}
            for name, more in {
                "db": {"port": 5432, "listener": "any"},
                "cache": {"port": 6380, "listener": "any"},
                "job": {},
            }.items()
        },
    ),
    "files that are broken": (
        {"package.json": "{", "compose.yaml": "services: [", "Procfile": "\x00\n", "ui/package.json": "[]"},
        {},
    ),
    "nothing at all": ({}, {}),
}


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("project", PROJECTS)
def test_what_a_folder_holds_is_found(tmp_path: Path, project: str) -> None:
    files, expected = PROJECTS[project]
    lay(tmp_path, files)
    assert {found.name: found.keys for found in detect(str(tmp_path))} == expected


def a_path_with(folder: Path, *programs: str) -> str:
    """Return a PATH on which only these programs are found."""
    there = folder / ".programs"
    there.mkdir()
    for name in programs:
        (there / name).write_text("#!/bin/sh\n")
        (there / name).chmod(0o755)
    return str(there)


@pytest.mark.parametrize(
    ("programs", "expected"), [(("python", "python3"), "python"), (("python3",), "python3"), ((), "python3")]
)
def test_python_is_called_as_it_is_here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mamctl: Callable[..., Outcome],
    programs: tuple[str, ...],
    expected: str,
) -> None:
    lay(tmp_path, {"site/manage.py": "import django", "svc/app.py": "app = Flask(__name__)"})
    monkeypatch.chdir(tmp_path)
    text = mamctl("init", "--print", PATH=a_path_with(tmp_path, *programs)).out
    commands = [one["command"][0] for one in yaml.safe_load(text)["services"].values()]
    assert commands == [expected] * 3


@pytest.mark.parametrize("project", PROJECTS)
def test_what_init_writes_is_valid_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mamctl: Callable[..., Outcome], project: str
) -> None:
    files, expected = PROJECTS[project]
    lay(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    assert mamctl("init", PATH=a_path_with(tmp_path, "python")).code == 0
    text = (tmp_path / "services.yaml").read_text()
    assert text.startswith("# The stack of this folder.")
    if expected:
        assert yaml.safe_load(text)["services"] == expected
    assert mamctl("validate").code == 0, text


def test_init_refuses_to_overwrite_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mamctl: Callable[..., Outcome]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "services.toml").write_text("mine")
    outcome = mamctl("init")
    assert outcome == (
        2,
        "",
        "error: services.toml exists already\nhint: --force overwrites it, --print only shows\n",
    )
    shown = mamctl("init", "--print")
    assert shown.code == 0
    assert "services:" in shown.out
    assert not (tmp_path / "services.yaml").exists()
    assert mamctl("init", "--force").code == 0
    assert mamctl("-f", "no/such/services.yaml", "init").code == 2


def test_two_findings_of_one_name_get_names_of_their_own(tmp_path: Path) -> None:
    lay(tmp_path, {"web/package.json": '{"scripts": {"dev": "x"}}', "compose.yaml": "services: {web: {image: x}}"})
    assert sorted(found.name for found in detect(str(tmp_path))) == ["web", "web-2"]


def test_a_procfile_speaks_for_the_whole_project(tmp_path: Path) -> None:
    lay(tmp_path, {"Procfile": "web: x\n", "manage.py": "django", "ui/package.json": '{"scripts": {"dev": "x"}}'})
    assert [found.name for found in detect(str(tmp_path))] == ["web"]


@pytest.mark.parametrize(
    "text", ["yes", "null", "8000", "1.5", "-x", "a: b", "#x", "", "@x", "[x]", "é", "a\nb", "- a"]
)
def test_every_string_survives_yaml(text: str) -> None:
    assert yaml.safe_load(f"- {scalar(text)}") == [text]
    assert yaml.safe_load(f"[{scalar(text, inside=True)}]") == [text]


def test_the_example_of_an_empty_folder_is_a_service() -> None:
    assert list(yaml.safe_load(draft("x", []))["services"]) == ["hello"]
