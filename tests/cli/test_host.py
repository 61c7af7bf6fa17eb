"""`mamctl --host URL`: the commands that need only the API, with a real supervisor elsewhere."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.cli.app import MODULES, SECTIONS, cli
from mamctl.core.errors import UsageError
from tests.control.realstack import RealStack, real_stack

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    from conftest import Outcome


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("elsewhere")) as found:
        yield found


@pytest.fixture
def remote(
    elsewhere: RealStack, mamctl: Callable[..., Outcome], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """The command line in a folder without any manifest, told where to go."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str, **environ: str) -> Outcome:
        return mamctl("--host", elsewhere.url, *words, **{"MAMCTL_TOKEN": elsewhere.token, **environ})

    return command


def test_the_status_is_that_of_the_other_side(remote: Callable[..., Outcome]) -> None:
    found = remote("status")
    assert found.code == 0
    assert found.out.startswith("real: ")
    assert json.loads(remote("ps", "--json").out)["name"] == "real"
    assert remote("status", "nobody").code == 2


def test_the_token_may_be_in_a_file(elsewhere: RealStack, remote: Callable[..., Outcome]) -> None:
    assert remote("status", MAMCTL_TOKEN="", MAMCTL_TOKEN_FILE=str(elsewhere.folder / "token")).code == 0
    missing = remote("status", MAMCTL_TOKEN="", MAMCTL_TOKEN_FILE="/none/such")
    assert (missing.code, missing.err) == (
        1,
        (
            "error: the token file /none/such cannot be read: no such file or directory\n"
            "hint: MAMCTL_TOKEN_FILE names a copy of the supervisor's token_file\n"
        ),
    )


def test_up_start_stop_restart_and_wait_go_there(remote: Callable[..., Outcome]) -> None:
    assert remote("up").code == 0
    assert remote("up", "-d", "--no-wait").code == 0
    assert remote("stop", "idle").code == 0
    assert remote("wait", "idle", "--for", "stopped").code == 0
    assert remote("start", "idle", "web").code == 0
    assert remote("restart", "idle").code == 0
    assert remote("wait", "idle").code == 0
    failed = remote("start", "nobody")
    assert (failed.code, "no such service: nobody" in failed.err) == (2, True)


def test_ports_events_and_logs_come_from_there(remote: Callable[..., Outcome]) -> None:
    assert remote("ports", "--json").out == '{"ports": []}\n'
    events = [json.loads(line) for line in remote("events", "--json").out.splitlines()]
    assert {"starting", "started"} <= {event["type"] for event in events}
    after = [json.loads(line)["seq"] for line in remote("events", "--json", "--since", "2").out.splitlines()]
    assert after[0] == 3
    assert "web | two" in remote("logs", "web", "-n", "1").out
    assert remote("logs", "web", "--no-prefix", "--grep", "^tw", "-n", "1").out == "two\n"
    lines = [json.loads(line) for line in remote("logs", "web", "--json", "-n", "2").out.splitlines()]
    assert [line["line"] for line in lines] == ["one", "two"]
    assert remote("logs", "nobody").code == 2


@pytest.mark.parametrize("words", [("validate",), ("config",), ("graph",), ("init",), ("ls",), ("run", "task")])
def test_what_works_on_files_does_not_go_there(remote: Callable[..., Outcome], words: tuple[str, ...]) -> None:
    found = remote(*words)
    assert (found.code, found.out) == (2, "")
    assert "does not go with --host" in found.err


def test_options_that_are_about_this_machine_are_refused(remote: Callable[..., Outcome]) -> None:
    assert remote("up", "--reclaim").code == 2
    assert remote("-f", "services.yaml", "status").code == 2


def test_a_wrong_token_a_wrong_port_and_a_wrong_url_are_told(
    elsewhere: RealStack, mamctl: Callable[..., Outcome]
) -> None:
    token = {"MAMCTL_TOKEN": "not-this-one-at-all"}
    wrong = mamctl("--host", elsewhere.url, "status", **token)
    assert (wrong.code, wrong.err.splitlines()[0]) == (4, "error: this token is not the one")
    nobody = mamctl("--host", "http://127.0.0.1:1", "status", **token)
    assert (nobody.code, nobody.err.splitlines()[0]) == (4, "error: no supervisor answers at http://127.0.0.1:1")
    for url in ("https://127.0.0.1:1", "127.0.0.1:7373", "http://"):
        assert mamctl("--host", url, "status", **token).code == 2
    assert mamctl("--host", elsewhere.url, "status").code == 2


def test_the_commands_that_go_there_are_those_that_the_page_names() -> None:
    import click

    with click.Context(cli) as context:
        commands: dict[str, Any] = {name: cli.get_command(context, name) for name in MODULES}
    # `help` and `completion` are about no stack at all: --host does not matter to them.
    there = {name for name, command in commands.items() if command.remote} - set(SECTIONS["This program"])
    assert there == {
        "status", "up", "down", "start", "stop", "restart", "wait", "events", "logs", "ports", "reexec", "scale",
        "signal", "dashboard", "top",
    }  # fmt: skip


def test_the_lights_client_stays_light() -> None:
    import subprocess

    script = "import sys, mamctl.control.client; print(*sorted({'httpx','asyncio','ssl','psutil'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_down_ends_the_other_side(
    mamctl: Callable[..., Outcome], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "away"
    folder.mkdir()
    with real_stack(folder, "ending") as stack:
        found = mamctl("--host", stack.url, "down", MAMCTL_TOKEN=stack.token)
        assert (found.code, found.err) == (0, "stopped 2 services; nothing is left\n")


def test_a_url_is_checked_before_anything_is_sent() -> None:
    from mamctl.control.reach import over_tcp

    found = over_tcp("http://[::1]:7373", {"MAMCTL_TOKEN": "t" * 20})
    assert found.tcp is not None
    assert (found.tcp.host, found.tcp.port) == ("::1", 7373)
    assert "Host: [::1]:7373\r\n" in found.headers
    with pytest.raises(UsageError):
        over_tcp("ftp://127.0.0.1", {"MAMCTL_TOKEN": "t" * 20})
