"""One file of each program as people have them: what becomes of it, to the letter."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from mamctl.core.errors import MamctlError
from mamctl.runtime.manifest import inspect
from tests.convert.imports import FILES, SAMPLES, copied, imported

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed, which reads JavaScript")
NAMES = [pytest.param(name, marks=needs_node if name == "pm2-script" else ()) for name in FILES]
# What a program says although it is so anyway, there and here: taking it away changes nothing.
# And what a drop-in takes back.
DEFAULTS = (
    "Type=simple",
    "autostart=true",
    "shell = False",
    "Nice=5",
    'restart: "no"',
    "working_dir: .",
    '"name": "worker"',
    '"interpreter": "python3"',
)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_becomes_the_manifest_that_is_written_beside_it(name, tmp_path, monkeypatch):
    folder = copied(name, tmp_path)
    monkeypatch.chdir(folder)
    result = imported(*FILES[name])
    told = "".join(f"{note.file}:{note.line}: {note.key}: {note.message}\n" for note in result.notes)
    assert result.text.replace(str(folder), "/FOLDER") == (SAMPLES / name / "expected.yaml").read_text()
    assert told == (SAMPLES / name / "expected.report").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_imported_is_valid(name, tmp_path, monkeypatch):
    folder = copied(name, tmp_path)
    monkeypatch.chdir(folder)
    result = imported(*FILES[name])
    (folder / "services.yaml").write_text(result.text)
    assert tuple(inspect(str(folder / "services.yaml"), environ={"HOME": "/"}).services)


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("pm2-script", "compose")])
def test_a_line_that_is_taken_away_makes_a_difference_to_the_manifest_or_to_the_report(name, tmp_path, monkeypatch):
    folder = copied(name, tmp_path)
    monkeypatch.chdir(folder)
    for file in FILES[name]:
        lines = (folder / file).read_text().split("\n")
        whole = meaning(*FILES[name])
        silent = []
        for number, line in enumerate(lines):
            if not line.strip() or line.strip()[0] in "#;}]" or any(default in line for default in DEFAULTS):
                continue
            (folder / file).write_text("\n".join(lines[:number] + lines[number + 1 :]))
            if meaning(*FILES[name]) == whole:
                silent.append(line)
        (folder / file).write_text("\n".join(lines))
        assert silent == []


def test_a_key_that_is_taken_away_makes_a_difference_also_in_compose_files(tmp_path, monkeypatch):
    folder = copied("compose", tmp_path)
    monkeypatch.chdir(folder)
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    whole, silent = written(document), []
    for path in paths(document):
        # What docker compose runs is still said in the compose file, which stays.
        if path[:1] == ("x-common",) or (
            path[:2] == ("services", "db") and path[2:3] not in [("ports",), ("healthcheck",)]
        ):
            continue
        if written(without(document, path)) == whole:
            silent.append(path)
    # It is the default.
    assert silent == [("services", "web", "depends_on", "worker", "condition")]


def meaning(*files):
    """What is imported, without the lines."""
    try:
        result = imported(*files)
    except MamctlError as error:
        return str(error)
    return yaml.safe_load(result.text), sorted((note.key, note.message) for note in result.notes)


def written(document):
    with open("compose.yaml", "w") as file:
        yaml.safe_dump(document, file)
    return meaning("compose.yaml")


def paths(tree, at=()):
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*at, key)
        yield from paths(value, (*at, key))


def without(tree, path):
    tree = json.loads(json.dumps(tree))
    inner = tree
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return tree
