"""docs/ci.md: the workflow is one that GitHub takes, and its steps do what they say."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.docs.pages import fences, page
from tests.docs.transcript import environment, free_ports

PAGE = page("ci.md")
PATIENCE = 120.0


def named(file):
    (found,) = (fence.text for fence in fences(PAGE) if fence.name == file)
    return found


# The workflow for GitHub Actions.
WORKFLOW = yaml.load(named(".github/workflows/test.yml"), Loader=yaml.BaseLoader)  # `on` is a word there
STEPS = WORKFLOW["jobs"]["stack"]["steps"]


def test_the_workflow_has_the_keys_of_one_and_no_other():
    assert WORKFLOW.keys() == {"name", "on", "permissions", "jobs"}
    assert WORKFLOW["on"].keys() <= {"push", "pull_request"}
    (job,) = WORKFLOW["jobs"].values()
    assert job.keys() == {"runs-on", "timeout-minutes", "steps"}
    for step in STEPS:
        assert step.keys() <= {"name", "uses", "with", "run", "if"}
        assert ("uses" in step) != ("run" in step)
        assert "uses" not in step or re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
        assert step.get("if") in (None, "always()", "failure()")


def test_the_workflow_stops_the_stack_and_tells_what_happened_however_it_ends():
    by_name = {step["name"]: step for step in STEPS if "name" in step}
    assert by_name["Stop it"]["if"] == "always()"
    assert by_name["Tell what happened"]["if"] == "failure()"
    assert all("|| true" in line for line in by_name["Tell what happened"]["run"].splitlines())


@pytest.mark.system
@pytest.mark.parametrize("broken", [False, True], ids=["all well", "a service that fails"])
def test_the_steps_of_the_workflow_run(tmp_path, broken):
    text = named("services.yaml")
    port = re.search(r"\d{4}", text)[0]
    text = text.replace(port, str(free_ports({port})[port]))
    if broken:
        text = text.replace("--bind", "--bnd").replace("ready:", "restart: never\n    ready:")
    (tmp_path / "services.yaml").write_text(text)
    codes = steps_run(tmp_path)
    if not broken:
        assert codes == dict.fromkeys(codes, 0)
        assert "Tell what happened" not in codes
        assert (tmp_path / "smoke.xml").read_text().startswith("<?xml")
        return
    assert codes["Bring it up"] == 1
    assert codes["Tell what happened"] == codes["Stop it"] == 0
    assert "Test" not in codes


def steps_run(folder):
    """Run the steps as GitHub does: `if`, and bash with -e. The step that installs mamctl is done already."""
    codes = {}
    for step in STEPS:
        when = {None: not any(codes.values()), "always()": True, "failure()": any(codes.values())}[step.get("if")]
        if when and "run" in step and not step["run"].startswith("pip "):
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(command, cwd=folder, env=environment(), timeout=PATIENCE, check=False)
            codes[step["name"]] = done.returncode
    return codes
