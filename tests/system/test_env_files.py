"""Env files that change while the stack runs: read again by whoever reads the manifest again, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mamctl.control.client import ApiError
from tests.system.supervised import within

if TYPE_CHECKING:
    from tests.system.supervised import Folder

pytestmark = pytest.mark.system
PATIENCE = 10.0


def shows(*names: str, **keys: Any) -> dict[str, Any]:
    """A service that writes variables to its log."""
    words = " ".join(f"{name}=$${name}" for name in names)
    return {"command": ["sh", "-c", f'echo "{words}"; exec sleep 1000'], **keys}


@pytest.fixture
def stack(folder: Folder) -> Folder:
    """A stack of two services that read one env file, and of one that has its own."""
    (folder.path / ".env").write_text("WORD=one\n")
    (folder.path / "own.env").write_text("OWN=one\n")
    folder.environ |= {"INHERITED": "first", "WORD": "inherited"}
    folder.write(
        {
            "a": shows("WORD", "INHERITED"),
            "b": shows("WORD", "OWN", env_file="own.env"),
            "c": {"command": ["sleep", "9"]},
        },
        env_file=".env",
    )
    folder.start()
    assert folder.settle()["ok"]
    return folder


def change(folder: Folder, path: str, **body: Any) -> None:
    folder.client.request("POST", path, {"wait": PATIENCE, **body})


def says(folder: Folder, name: str, *lines: str) -> None:
    within(PATIENCE, lambda: folder.log(name).splitlines() == list(lines))


def test_a_restart_reads_them_again_and_what_was_inherited_stays_that_of_the_first_up(stack: Folder) -> None:
    (stack.path / ".env").write_text("WORD=two\n")
    stack.environ["INHERITED"] = "second"
    change(stack, "/v1/services/a/restart")
    says(stack, "a", "WORD=one INHERITED=first", "WORD=two INHERITED=first")
    stack.down()


@pytest.mark.parametrize("path", ["/v1/up", "/v1/services/a/start"])
def test_up_and_start_restart_exactly_those_whose_environment_changed(stack: Folder, path: str) -> None:
    before = {name: stack.row(name)["generation"] for name in "abc"}
    (stack.path / "own.env").write_text("OWN=two\n")
    change(stack, path)
    says(stack, "b", "WORD=one OWN=one", "WORD=one OWN=two")
    assert {name: stack.row(name)["generation"] - before[name] for name in "abc"} == {"a": 0, "b": 1, "c": 0}
    assert [event["type"] for event in stack.events() if event["type"] == "manifest-changed"] == ["manifest-changed"]
    (said,) = [event["data"] for event in stack.events() if event["type"] == "restarting"]
    assert said["reason"] == "changed_on_disk"
    stack.down()


def test_a_broken_env_file_is_refused_and_nothing_is_changed(stack: Folder) -> None:
    (stack.path / "own.env").write_text("this is no variable\n")
    with pytest.raises(ApiError) as caught:
        change(stack, "/v1/restart")
    assert [(problem["file"], problem["line"]) for problem in caught.value.body["problems"]] == [("own.env", 1)]
    assert {stack.row(name)["generation"] for name in "abc"} == {1}
    stack.down()


def test_a_crash_restarts_with_what_was_read_last(stack: Folder) -> None:
    """Nobody said that the change is to hold, so a crash in the middle of an edit takes nothing half-written."""
    (stack.path / ".env").write_text("WORD=half\n")
    stack.client.request("POST", "/v1/services/a/signal", {"signal": "KILL"})
    says(stack, "a", "WORD=one INHERITED=first", "WORD=one INHERITED=first")
    stack.down()
