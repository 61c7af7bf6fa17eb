from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from fake_supervisor import document, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Outcome
    from fake_supervisor import FakeSupervisor

HEAVY = ("click", "rich", "yaml", "asyncio", "dataclasses", "psutil", "httpx", "h11", "subprocess", "inspect")


def test_a_stack_that_is_all_ready_ends_with_0(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.document = document(row("migrate", "completed"), row("backend"))
    outcome = mamctl("status")
    assert (outcome.code, outcome.err) == (0, "")
    assert "mam: all 2 ready (supervisor 41, up 12s)" in outcome.out
    assert "● ready" in outcome.out


@pytest.mark.parametrize("state", ["failed", "starting", "waiting", "backoff", "unhealthy", "stopping"])
def test_a_wanted_service_that_is_not_ready_ends_with_3(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome], state: str
) -> None:
    supervisor.document = document(row("backend", state))
    assert mamctl("status").code == 3
    assert mamctl("status", "--json").code == 3
    assert mamctl("status", "backend").code == 3


def test_a_stopped_service_that_nobody_wants_does_not_count(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.document = document(row("backend"), row("agent", "stopped"))
    assert mamctl("status").code == 0


def test_an_absent_external_service_that_nobody_requires_does_not_count(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.document = document(row("backend"), row("lmstudio", "waiting", reason="absent", kind="external"))
    assert mamctl("status").code == 0


def test_json_is_the_supervisors_own_document(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.document = document(row("backend"))
    assert json.loads(mamctl("status", "--json").out) == supervisor.document
    assert json.loads(mamctl("ps", "--json").out) == supervisor.document


def test_names_and_globs_choose_rows(supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]) -> None:
    supervisor.document = document(row("web-1", service="web"), row("web-2", service="web"), row("db"))
    for words in (["web"], ["web-*"], ["web-1", "web-2"]):
        found = json.loads(mamctl("status", "--json", *words).out)
        assert [entry["name"] for entry in found["services"]] == ["web-1", "web-2"]


def test_a_narrowed_table_still_says_how_the_whole_stack_is(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.document = document(row("web"), row("db"), row("job", "failed"))
    outcome = mamctl("status", "web")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "mam: 2 of 3 ready, 1 failed (supervisor 41, up 12s)"
    assert [line.split()[0] for line in outcome.out.splitlines()[2:]] == ["NAME", "web"]


def test_an_unknown_name_is_an_error_with_the_nearest_one(
    supervisor: FakeSupervisor, mamctl: Callable[..., Outcome]
) -> None:
    supervisor.document = document(row("backend"))
    outcome = mamctl("status", "backnd")
    assert outcome == (2, "", "error: no such service: backnd\nhint: did you mean backend?\n")


def test_without_a_supervisor_the_manifests_table_is_shown_and_the_code_is_4(
    stack: Path, mamctl: Callable[..., Outcome]
) -> None:
    outcome = mamctl("status")
    assert outcome.code == 4
    assert outcome.out.splitlines()[0] == "mam: not running"
    assert outcome.out.count("○ stopped") == 2
    assert outcome.err == "hint: `mamctl up -d` starts it\n"
    found = json.loads(mamctl("status", "--json").out)
    assert found["supervisor"] is None
    assert [entry["state"] for entry in found["services"]] == ["stopped", "stopped"]


def test_without_a_manifest_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mamctl: Callable[..., Outcome]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = mamctl("status")
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        f"error: no services.yaml in {tmp_path} or a folder above it",
        "hint: `mamctl init` writes one; `-f FILE` names another",
    ]


def test_the_manifest_is_found_from_a_folder_beneath(
    supervisor: FakeSupervisor, stack: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    (stack / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(stack / "deep" / "er")
    assert mamctl("status").code == 0


def test_a_file_option_and_the_variable_name_another_manifest(
    supervisor: FakeSupervisor, stack: Path, mamctl: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert mamctl("-f", str(stack / "services.yaml"), "status").code == 0
    assert mamctl("-f", str(stack), "status", "--json").code == 0
    assert mamctl("status", MAMCTL_FILE=str(stack / "services.yaml")).code == 0
    outcome = mamctl("-f", "nowhere.yaml", "status")
    assert (outcome.code, outcome.err.splitlines()[0]) == (2, "error: the manifest nowhere.yaml does not exist")


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("ps", "--json")])
def test_a_plain_status_imports_nothing_heavy(supervisor: FakeSupervisor, words: tuple[str, ...]) -> None:
    program = (
        "import sys, os\n"
        "from mamctl.cli.main import run\n"
        f"code = run({list(words)!r}, os.environ)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("words", [("down",), ("up", "-d"), ("-f", "services.yaml", "up", "--detach")])
def test_commands_of_every_day_import_no_heavy_library(supervisor: FakeSupervisor, words: tuple[str, ...]) -> None:
    import os

    from fake_supervisor import report

    def down(_body: object) -> tuple[int, object]:
        os.unlink(".mamctl/control.sock")
        return 200, {"stopped": [], "survivors": [], "killed": []}

    supervisor.answers = {"POST /v1/up": lambda _body: (200, report(row("backend"))), "POST /v1/down": down}
    program = (
        "import sys, os\n"
        "from mamctl.cli.main import run\n"
        f"code = run({list(words)!r}, os.environ)\n"
        "heavy = ('click', 'rich', 'yaml', 'asyncio', 'psutil', 'httpx', 'h11')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
