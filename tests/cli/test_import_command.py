"""`mamctl import`: where it writes, what it refuses to overwrite, and how it reports."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Outcome

SAMPLES = Path(__file__).parents[1] / "convert" / "samples"
SUPERVISORD = "[program:web]\ncommand=sleep 60\npriority=5\nenvironment=TOKEN=hunter2\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder as the current one, with files of other programs."""
    (tmp_path / "Procfile").write_text("web: sleep 60\n")
    (tmp_path / "supervisord.conf").write_text(SUPERVISORD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_manifest_that_validates_and_tells_what_was_left_out(
    here: Path, mamctl: Callable[..., Outcome]
) -> None:
    outcome = mamctl("import", "supervisord.conf")
    assert (outcome.code, outcome.out) == (0, "wrote services.yaml with 1 service; 1 key left out\n")
    assert outcome.err.splitlines() == [
        "supervisord.conf:3: program:web.priority: left out: the order follows from what needs what: write depends_on",
        "hint: read it, then `mamctl validate` and `mamctl up`",
    ]
    assert mamctl("validate").code == 0
    assert "hunter2" in (here / "services.yaml").read_text()


def test_a_manifest_that_is_there_is_not_overwritten_without_force(here: Path, mamctl: Callable[..., Outcome]) -> None:
    (here / "services.toml").write_text("")
    outcome = mamctl("import", "Procfile")
    assert outcome == (2, "", "error: services.toml exists already\nhint: --force overwrites it, `-o -` only shows\n")
    assert not (here / "services.yaml").exists()
    assert mamctl("import", "Procfile", "-o", "other.yaml").code == 0
    assert mamctl("import", "supervisord.conf", "-o", "other.yaml").code == 2
    assert mamctl("import", "supervisord.conf", "-o", "other.yaml", "--force").code == 0
    assert "supervisord" in (here / "other.yaml").read_text()


def test_a_dash_shows_it_and_writes_nothing(here: Path, mamctl: Callable[..., Outcome]) -> None:
    before = sorted(os.listdir(here))
    outcome = mamctl("import", "Procfile", "-o", "-")
    assert outcome.code == 0
    assert "  web:\n    command: sleep 60\n" in outcome.out
    assert sorted(os.listdir(here)) == before


def test_the_report_is_a_document_for_programs(here: Path, mamctl: Callable[..., Outcome]) -> None:
    document = json.loads(mamctl("import", "supervisord.conf", "--json").out)
    assert document == {
        "format": "supervisord",
        "manifest": str(here / "services.yaml"),
        "services": ["web"],
        "notes": [
            {
                "file": "supervisord.conf",
                "line": 3,
                "key": "program:web.priority",
                "left_out": True,
                "message": "the order follows from what needs what: write depends_on",
            }
        ],
    }
    shown = json.loads(mamctl("import", "supervisord.conf", "--json", "-o", "-").out)
    assert shown["manifest"] is None
    assert "services:" in shown["text"]


def test_paths_follow_a_manifest_that_is_written_elsewhere(here: Path, mamctl: Callable[..., Outcome]) -> None:
    (here / "old" / "app").mkdir(parents=True)
    (here / "old" / "supervisord.conf").write_text(
        "[program:a]\ncommand=sleep 1\ndirectory=app\n[program:b]\ncommand=sleep 1\n"
    )
    assert mamctl("import", "old/supervisord.conf").code == 0
    text = (here / "services.yaml").read_text()
    assert "cwd: old/app" in text
    assert "cwd: old\n" in text


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nothing.conf",), "nothing.conf: there is no such file"),
        (("notes.txt",), "notes.txt: of no format that is known here"),
        (("services.yaml",), "services.yaml is a manifest of mamctl by its name"),
        (("Procfile", "supervisord.conf"), "only systemd units are imported several at once"),
        (("Procfile", "-o", "no/such.yaml"), "the folder {here}/no does not exist"),
    ],
)
def test_what_cannot_be_is_told_with_a_hint(
    here: Path, mamctl: Callable[..., Outcome], words: tuple[str, ...], error: str
) -> None:
    (here / "notes.txt").write_text("Dear diary,\n")
    if words == ("services.yaml",):
        (here / "services.yaml").write_text("services: {}\n")
        words = (*words, "-o", "new.yaml")
    outcome = mamctl("import", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[0] == f"error: {error.format(here=here)}"


def test_a_broken_file_is_told_with_all_its_lines(here: Path, mamctl: Callable[..., Outcome]) -> None:
    (here / "Procfile").write_text("web: sleep 1\nnonsense\n# fine\nmore nonsense\n")
    outcome = mamctl("import", "Procfile")
    assert outcome.code == 2
    assert "Procfile:2:1: is no NAME: COMMAND" in outcome.err
    assert "Procfile:4:1: is no NAME: COMMAND" in outcome.err
    assert "this cannot be read as a Procfile" in outcome.err
    assert not (here / "services.yaml").exists()


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("stack.txt", "web: sleep 1\n\n# more\nworker: sleep 2\n", "procfile"),
        ("app.conf", SUPERVISORD, "supervisord"),
        ("stack.yaml", "services:\n  web: {command: sleep 1, build: .}\n", "compose"),
        ("stack.yaml", "processes:\n  web: {command: sleep 1}\n", "process-compose"),
        ("stack.json", '{"apps": [{"script": "a.py"}]}', "pm2"),
        ("app.ini", "[watcher:web]\ncmd = sleep 1\n", "circus"),
        ("web", "[Service]\nExecStart=/bin/sleep 1\n", "systemd"),
    ],
)
def test_a_format_is_known_by_its_content(
    here: Path, mamctl: Callable[..., Outcome], name: str, text: str, found: str
) -> None:
    (here / name).write_text(text)
    assert json.loads(mamctl("import", name, "--json", "-o", "-").out)["format"] == found


@pytest.mark.parametrize("target", ["compose", "supervisord"])
@pytest.mark.parametrize("sample", ["procfile/Procfile", "process-compose/process-compose.yaml"])
def test_what_was_exported_comes_back_with_the_same_commands_and_dependencies(
    here: Path, mamctl: Callable[..., Outcome], sample: str, target: str
) -> None:
    text = (SAMPLES / sample).read_text()
    (here / "source").write_text(text)
    assert mamctl("import", "source", "-o", "services.yaml").code == 0
    first = yaml.safe_load((here / "services.yaml").read_text())["services"]
    assert mamctl("export", target, "-o", "exported").code == 0
    assert mamctl("import", "exported", "--format", target, "-o", "back.yaml").code == 0
    second = yaml.safe_load((here / "back.yaml").read_text())["services"]
    for name, keys in second.items():
        before = first[name] if name in first else first[re.sub(r"-\d+$", "", name)]
        assert words(keys) == words(before)
        if target == "compose":
            assert keys.get("depends_on") == before.get("depends_on")
            assert keys.get("kind", "service") in ("service", before.get("kind", "service"))


def words(keys: dict[str, Any]) -> list[str]:
    """Return what is executed."""
    command = keys["command"]
    if isinstance(command, list):
        return command
    return ["/bin/sh", "-c", command] if keys.get("shell") else shlex.split(command)


def test_what_cannot_be_written_is_told_with_its_reason(here: Path, mamctl: Callable[..., Outcome]) -> None:
    (here / "folder").mkdir()
    (here / "link").symlink_to("nowhere/services.yaml")
    hint = "hint: `-o FILE` names another, `-o -` only shows\n"
    for name, why in (("folder", "is a directory"), ("link", "no such file or directory")):
        outcome = mamctl("import", "Procfile", "-o", name, "--force")
        assert outcome.code == 1
        assert outcome.err == f"error: {name} cannot be written: {why}\n{hint}"


def test_the_device_of_stdout_is_stdout(here: Path, mamctl: Callable[..., Outcome]) -> None:
    assert mamctl("import", "Procfile", "-o", "/dev/stdout") == mamctl("import", "Procfile", "-o", "-")
