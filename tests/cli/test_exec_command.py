"""`mamctl exec`: the command is run as the service would be, and is nobody's but the caller's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
MANIFEST = """\
name: demo
services:
  web:
    command: [sleep, "100"]
    cwd: sub
    port: auto
    env: {COLOUR: red, KEY: hunter22, DISPLAY: null}
    secrets: [KEY]
  term: {command: [cat], tty: true, manual: true}
  other: {command: [sleep, "100"], cwd: gone, manual: true}
  lm: {kind: external, port: 1, identify: {tcp: "127.0.0.1:1"}, acquire: [attach], env: {COLOUR: blue}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "services.yaml").write_text(MANIFEST)
    (tmp_path / "sub").mkdir()
    yield tmp_path
    mamctl(tmp_path, "down", "--timeout", "5s")


def mamctl(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DISPLAY": ":0", **environ}
    command = [*MAMCTL, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60, env=env)


def test_it_has_the_environment_and_the_folder_of_the_service(folder: Path) -> None:
    script = 'echo "$COLOUR $KEY $MAMCTL_SERVICE $MAMCTL_PROJECT ${DISPLAY-none} ${PWD##*/}"'
    done = mamctl(folder, "exec", "web", "--", "sh", "-c", script)
    assert done.stdout == "red hunter22 web demo none sub\n"
    assert done.stderr == ""
    assert not (folder / ".mamctl").exists()


def test_ports_are_those_of_the_stack_that_runs_and_then_of_the_last_one(folder: Path) -> None:
    assert mamctl(folder, "up", "-d", "--no-wait").returncode == 0
    told = mamctl(folder, "exec", "web", "sh", "-c", "echo $PORT").stdout
    port = json.loads(mamctl(folder, "ports", "--json").stdout)["ports"][0]
    assert told == f"{port['port']}\n"
    assert mamctl(folder, "down").returncode == 0
    assert mamctl(folder, "exec", "web", "sh", "-c", "echo $PORT").stdout == told


@pytest.mark.parametrize("code", [0, 7, 255])
def test_the_exit_code_is_the_commands_own(folder: Path, code: int) -> None:
    assert mamctl(folder, "exec", "web", "--", "sh", "-c", f"exit {code}").returncode == code


def test_a_signal_that_ends_the_command_ends_us(folder: Path) -> None:
    assert mamctl(folder, "exec", "web", "--", "sh", "-c", "kill -9 $$").returncode == -signal.SIGKILL


def test_the_dashes_may_be_left_out_and_options_are_the_commands(folder: Path) -> None:
    assert mamctl(folder, "exec", "web", "echo", "-n", "--help", "--", "x").stdout == "--help -- x"
    assert mamctl(folder, "exec", "web", "--", "echo", "--", "x").stdout == "-- x\n"


def test_an_external_service_lends_its_environment_too(folder: Path) -> None:
    assert mamctl(folder, "exec", "lm", "sh", "-c", "echo $COLOUR").stdout == "blue\n"


def test_its_terminal_is_the_callers_whatever_the_services_is(folder: Path) -> None:
    assert mamctl(folder, "exec", "term", "sh", "-c", "echo $TERM", TERM="vt220").stdout == "vt220\n"


def test_what_python_ignores_the_command_does_not(folder: Path) -> None:
    script = "grep SigIgn /proc/self/status"
    inherited = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn"))
    pythons = sum(1 << number - 1 for number in (signal.SIGPIPE, signal.SIGXFSZ))
    found = mamctl(folder, "exec", "web", "sh", "-c", script).stdout
    assert int(found.split()[1], 16) == int(inherited.split()[1], 16) & ~pythons


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("web", "no-such-command"), 127, "error: no-such-command: no such command on its PATH"),
        (("web", "./none"), 127, "error: ./none: no such command in its folder"),
        (("web", "/etc/passwd"), 126, "error: /etc/passwd cannot be run: permission denied"),
        (("web",), 2, "error: missing argument '[--] COMMAND...'"),
        (("web", "--"), 2, "error: no command is given"),
        (("nobody", "ls"), 2, "error: no such service: nobody"),
        (("*", "ls"), 2, "error: * means 4 services: web, term, other, lm"),
        (("other", "ls"), 1, "error: the folder of other, "),
    ],
)
def test_what_cannot_be_run_says_so_with_a_hint(folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = mamctl(folder, "exec", *words)
    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (code, "")
    assert first.startswith(said)
    assert second.startswith("hint: ")


def test_keys_that_make_signals_reach_the_command_alone(folder: Path) -> None:
    # Not one long child: a key pressed before the shell waits for it would be heard only when it ends.
    script = "trap 'echo caught; exit 5' INT; echo on; while :; do sleep 0.05; done"
    terminal = Terminal([*MAMCTL, "exec", "web", "--", "sh", "-c", script], cwd=str(folder), environ={})
    try:
        terminal.expect("on")
        terminal.press("\x03")
        terminal.expect("caught")
        assert terminal.wait() == 5
    finally:
        terminal.close()
