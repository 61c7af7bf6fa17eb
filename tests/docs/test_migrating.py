"""docs/migrating: their file and ours say the same, and what we name exists."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from mamctl.core.manifest.model import Condition, Kind
from mamctl.runtime.manifest import load
from tests.docs.pages import DOCS, fences, page, tables
from tests.docs.transcript import Transcript

NODE = shutil.which("node")
MIGRATING = sorted(path.stem for path in (DOCS / "migrating").glob("*.md") if path.stem != "index")


def named(name, file):
    (found,) = (fence.text for fence in fences(page(name)) if fence.name == file)
    return found


def ours(name, folder):
    """The manifest of a page, read as mamctl reads it."""
    path = folder / "services.yaml"
    path.write_text(named(name, "services.yaml"))
    return load(str(path), environ={"PATH": ""})


# What each of their files says: name -> (words of the command, how many).
def supervisord(text):
    config = configparser.RawConfigParser()
    config.read_string(text)
    assert all(name.startswith("program:") for name in config.sections())
    return {
        name.partition(":")[2]: (shlex.split(config[name]["command"]), config.getint(name, "numprocs", fallback=1))
        for name in config.sections()
    }


def honcho(text):
    lines = [re.fullmatch(r"([A-Za-z0-9_-]+):\s*(.+)", line) for line in text.splitlines()]
    return {line[1]: (line[2].split(), 1) for line in lines}


def pm2(text):
    if NODE is None:
        pytest.skip("node is not installed, and the file is JavaScript")
    script = f"const module = {{}}; {text}; console.log(JSON.stringify(module.exports.apps))"
    printed = subprocess.run([NODE, "-e", script], capture_output=True, text=True, check=True, timeout=30).stdout
    return {
        app["name"]: ([app["script"], *app["args"].split()], app.get("instances", 1)) for app in json.loads(printed)
    }


def process_compose(text):
    processes = yaml.safe_load(text)["processes"]
    return {name: (shlex.split(one["command"]), one.get("replicas", 1)) for name, one in processes.items()}


def docker_compose(text):
    services = yaml.safe_load(text)["services"]
    return {name: (one["command"], one.get("deploy", {}).get("replicas", 1)) for name, one in services.items()}


THEIRS = {
    "supervisord": ("supervisord.conf", supervisord),
    "honcho": ("Procfile", honcho),
    "pm2": ("ecosystem.config.js", pm2),
    "process-compose": ("process-compose.yaml", process_compose),
    "docker-compose": ("compose.yaml", docker_compose),
}


def test_every_guide_has_their_file():
    assert sorted(THEIRS) == MIGRATING


@pytest.mark.parametrize("tool", MIGRATING)
def test_both_sides_run_the_same_commands(tool, tmp_path):
    file, read = THEIRS[tool]
    raw = yaml.safe_load(named(f"migrating/{tool}.md", "services.yaml"))["services"]
    mine = {
        name: (
            shlex.split(one["command"]) if isinstance(one["command"], str) else one["command"],
            one.get("replicas", 1),
        )
        for name, one in raw.items()
    }
    # $$ is how the manifest writes a dollar.
    mine = {name: ([word.replace("$$", "$") for word in words], number) for name, (words, number) in mine.items()}
    assert mine == read(named(f"migrating/{tool}.md", file))
    assert ours(f"migrating/{tool}.md", tmp_path).services


@pytest.mark.parametrize("tool", MIGRATING)
def test_keys_that_a_guide_names_are_ours(tool):
    """The first word of each piece of code on our side is a key, a value or a command that exists."""
    known = (
        (DOCS / "manifest.md").read_text() + (DOCS / "commands.md").read_text() + (DOCS / "terminals.md").read_text()
    )
    for table in tables(page(f"migrating/{tool}.md")):
        for row in table:
            for piece in re.findall(r"`([^`]+)`", row["mamctl"]):
                word = re.findall(r"[A-Za-z_]+", piece.removeprefix("mamctl ").removeprefix("{"))
                assert not word or word[0] in known, piece


@pytest.mark.parametrize(
    "fence", [one for path in (DOCS / "migrating").glob("*.md") for one in fences(path.read_text())]
)
def test_manifests_without_a_name_are_valid_too(fence, tmp_path):
    if fence.language == "yaml" and not fence.name:
        (tmp_path / "services.yaml").write_text(fence.text)
        assert load(str(tmp_path / "services.yaml"), environ={"PATH": ""}).services


def test_the_order_of_theirs_is_kept(tmp_path):
    services = ours("migrating/docker-compose.md", tmp_path).services
    assert services["migrate"].kind is Kind.TASK
    assert services["web"].depends_on["migrate"].condition is Condition.COMPLETED
    assert services["worker-2"].depends_on["web"].restart


def test_a_transcript_of_theirs_and_ours_has_both_files(tmp_path):
    """Their file lies in the folder too, as it would with somebody who moves."""
    (folder := tmp_path / "shop").mkdir()
    for _ in Transcript([one for one in fences(page("migrating/honcho.md")) if one.name], folder).run():
        pass
    assert {path.name for path in folder.iterdir()} == {"Procfile", "services.yaml"}
