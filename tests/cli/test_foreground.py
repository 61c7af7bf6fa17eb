"""The foreground on a real terminal, with a real supervisor and real services."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal

from mamctl.runtime.processes import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
TALK = "import time; print('hello there', flush=True); time.sleep(100)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(100)"
)
MANIFEST = f"""\
name: demo
services:
  migrate: {{kind: task, command: [python3, -c, "print('migrated')"]}}
  talker: {{command: [python3, -c, {TALK!r}], depends_on: [migrate]}}
"""
DEAF = f"""\
name: demo
services:
  deaf: {{command: [python3, -c, {STUBBORN!r}], ready: {{log: deaf}}, stop: {{grace: 100s}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a manifest; nothing of it runs afterwards."""
    (tmp_path / "services.yaml").write_text(MANIFEST)
    yield tmp_path
    subprocess.run([*MAMCTL, "down", "--timeout", "5s"], cwd=tmp_path, capture_output=True, check=False, timeout=60)


@pytest.fixture
def terminal(folder: Path) -> Iterator[Callable[..., Terminal]]:
    """Return what opens terminals in the folder; they are closed afterwards."""
    opened: list[Terminal] = []

    def opener(*command: str, columns: int = 80) -> Terminal:
        opened.append(Terminal(command, cwd=str(folder), environ={"HOME": str(folder)}, columns=columns))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.fixture
def piped(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts the command line with a pipe for its output; what is left is ended afterwards."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        begun.append(subprocess.Popen([*MAMCTL, *words], cwd=folder, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.communicate(timeout=10)


def mamctl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAMCTL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that init has yet to collect does not."""
    found = read(pid)
    return found is not None and found.state not in ("Z", "X")


def restored(one: Terminal) -> bool:
    return one.modes() == one.before and one.seen.rfind("\x1b[?25l") <= one.seen.rfind("\x1b[?25h")


@pytest.mark.slow
def test_up_streams_states_and_logs_and_ctrl_c_stops_in_order(folder: Path, terminal: Callable[..., Terminal]) -> None:
    up = terminal(*MAMCTL, "up")
    up.expect_all(r"\d\d:\d\d:\d\d migrate \| migrated\n", r"talker  \| hello there\n", r"all 2 ready in [\d.]+ s\n")
    assert up.modes() != up.before
    up.press("\x03")
    up.expect("stopping; press Ctrl-C again")
    up.expect("○ talker stopped")
    up.expect("stopped; nothing is left\n")
    assert up.wait() == 130
    assert restored(up)
    assert mamctl(folder, "status").returncode == 4


@pytest.mark.slow
def test_keys_show_the_status_restart_and_help(folder: Path, terminal: Callable[..., Terminal]) -> None:
    up = terminal(*MAMCTL, "up")
    up.expect("all 2 ready")
    up.press("?")
    up.expect("r  restart a service")
    up.press("s")
    up.expect(r"talker   ● ready")
    up.press("r")
    up.expect("restart which service")
    up.press("tx\x7falker\r")
    up.expect("talker ready after")
    up.press("r\x1b")
    up.press("rnobody\r")
    up.expect("error: no such service: nobody")
    up.press("q")
    assert up.wait() == 130


@pytest.mark.slow
def test_a_second_ctrl_c_ends_what_is_left_and_names_it(folder: Path, terminal: Callable[..., Terminal]) -> None:
    (folder / "services.yaml").write_text(DEAF)
    up = terminal(*MAMCTL, "up")
    up.expect("1 of 1 ready")
    up.press("\x03")
    up.expect(r"stopping, [\d.]+ s\s+deaf [\d.]+ s")
    up.press("\x03")
    up.expect("ending by force: deaf had not stopped yet")
    up.expect("ended by force: deaf; nothing is left")
    assert up.wait() == 130
    assert restored(up)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_term_and_hangup_stop_everything_cleanly(
    folder: Path, terminal: Callable[..., Terminal], number: signal.Signals, code: int
) -> None:
    up = terminal(*MAMCTL, "up")
    up.expect("all 2 ready")
    up.process.send_signal(number)
    assert up.wait() == code
    assert mamctl(folder, "status").returncode == 4


@pytest.mark.slow
def test_a_killed_client_leaves_nothing_running(folder: Path, terminal: Callable[..., Terminal]) -> None:
    up = terminal(*MAMCTL, "up")
    up.expect("all 2 ready")
    up.process.kill()
    up.process.wait(10)
    deadline = time.monotonic() + 15
    while mamctl(folder, "status").returncode != 4:
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_a_lost_supervisor_leaves_nothing_running(folder: Path, terminal: Callable[..., Terminal]) -> None:
    up = terminal(*MAMCTL, "up")
    up.expect("all 2 ready")
    status = json.loads(mamctl(folder, "status", "--json").stdout)
    os.kill(status["supervisor"]["pid"], signal.SIGKILL)
    # The guardian ends them too, and may have done so before we look.
    up.expect("the supervisor was lost; (what it ran was ended: talker|nothing that it ran is left)")
    assert up.process.wait(10) == 1
    assert not any(row["pid"] and lives(row["pid"]) for row in status["services"])


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_and_fg_returns(folder: Path, terminal: Callable[..., Terminal]) -> None:
    shell = terminal("bash", "--norc", "--noprofile", "-i")
    shell.press(f"PS1=; {' '.join(MAMCTL)} up; echo code=$?\n")
    shell.expect("all 2 ready")
    shell.press("\x1a")
    shell.expect("Stopped")
    assert mamctl(folder, "status").returncode == 0
    shell.press("stty -a\n")
    shell.expect(r"[ ;]icanon")
    shell.press("fg\n")
    shell.press("?")
    shell.expect("the services go on")
    shell.press("s")
    shell.expect("talker   ● ready")
    shell.press("\x03")
    shell.expect("nothing is left")
    shell.press("stty -a; exit\n")
    shell.expect(r"[ ;]icanon")


@pytest.mark.slow
def test_an_up_on_a_running_stack_observes_and_ctrl_c_detaches(folder: Path, terminal: Callable[..., Terminal]) -> None:
    assert mamctl(folder, "up", "-d").returncode == 0
    up = terminal(*MAMCTL, "up")
    up.expect(r"demo runs already \(supervisor \d+\): observing; Ctrl-C detaches")
    up.press("\x03")
    up.expect("detached: the stack goes on; `mamctl down` stops it")
    assert up.wait() == 0
    assert restored(up)
    assert mamctl(folder, "status").returncode == 0
    again = terminal(*MAMCTL, "up")
    again.expect("observing")
    assert mamctl(folder, "down").returncode == 0
    again.expect("the stack was stopped")
    assert again.wait() == 0


@pytest.mark.slow
def test_a_run_that_ends_by_itself_tells_how_it_came_out(folder: Path) -> None:
    (folder / "services.yaml").write_text("services: {job: {kind: task, command: [echo, done]}}")
    done = mamctl(folder, "up")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d\d:\d\d:\d\d job \| done\n", done.stdout)
    assert "✓ job completed" in done.stdout
    assert "\x1b" not in done.stdout
    (folder / "services.yaml").write_text("services: {job: {kind: task, command: [sh, -c, 'echo no; exit 3']}}")
    done = mamctl(folder, "up")
    assert done.returncode == 1
    assert "✗ job failed: ended with code 3" in done.stdout
    assert "job | no\n" in done.stdout


@pytest.mark.slow
def test_how_bringing_up_came_out_is_told_before_the_run_ends(folder: Path) -> None:
    never = "{command: [sh, -c, 'sleep 0.5; exit 3'], restart: never, ready: {exec: ['false']}}"
    (folder / "services.yaml").write_text(f"services: {{a: {never}}}")
    done = mamctl(folder, "up")
    assert done.stdout.splitlines()[-2:] == ["0 of 1 ready, 1 failed", "error: failed: a"]


@pytest.mark.slow
def test_the_end_of_a_task_is_told_after_its_last_output(folder: Path) -> None:
    jobs = {f"job{number}": f"echo from {number}; echo last of {number}" for number in range(8)}
    manifest = [f"  {name}: {{kind: task, shell: true, command: '{line}'}}\n" for name, line in jobs.items()]
    (folder / "services.yaml").write_text(f"services:\n{''.join(manifest)}")
    done = mamctl(folder, "up")
    lines = done.stdout.splitlines()
    for number in range(8):
        written = [at for at, line in enumerate(lines) if line.endswith(f" of {number}")]
        ended = [at for at, line in enumerate(lines) if f"✓ job{number} completed" in line]
        assert (len(written), len(ended)) == (1, 1), done.stdout
        assert written < ended, done.stdout
    assert lines[-1] == "nothing is left to run"


@pytest.mark.slow
def test_the_last_words_of_a_service_that_stops_come_before_its_end(
    folder: Path, piped: Callable[..., subprocess.Popen[str]]
) -> None:
    last = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye')))\n"
    command = [sys.executable, "-uc", f"{last}print('up')\ntime.sleep(100)"]
    services = {f"s{number}": {"command": command, "ready": {"log": "up"}} for number in range(4)}
    (folder / "services.yaml").write_text(json.dumps({"services": services}))
    process = piped("up")
    assert process.stdout is not None
    while not process.stdout.readline().startswith("all 4 ready"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    lines = process.stdout.read().splitlines()
    for name in services:
        (goodbye,) = [at for at, line in enumerate(lines) if line.endswith(f"{name} | goodbye")]
        (stopped,) = [at for at, line in enumerate(lines) if line.endswith(f"{name} stopped")]
        assert goodbye < stopped, lines
    assert lines[-1] == "stopped; nothing is left"
    assert process.wait(20) == 130


@pytest.mark.slow
def test_without_a_terminal_there_are_only_lines(piped: Callable[..., subprocess.Popen[str]]) -> None:
    process = piped("up")
    assert process.stdout is not None
    lines = []
    while not (lines and lines[-1].startswith("all 2 ready")):
        lines.append(process.stdout.readline())
        assert lines[-1]
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(20) == 130
    text = "".join(lines) + rest
    assert "\x1b" not in text
    assert "◌ migrate starting\n" in text
    assert "○ talker waits for migrate\n" in text
    assert text.endswith("stopped; nothing is left\n")


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run_like_a_hangup(
    folder: Path, piped: Callable[..., subprocess.Popen[str]]
) -> None:
    flood = "import time\nwhile True: print('x' * 100, flush=True); time.sleep(0.001)"
    (folder / "services.yaml").write_text(f"services: {{noisy: {{command: [python3, -c, {flood!r}]}}}}")
    process = piped("up")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 129
    process.stdout = None
    assert mamctl(folder, "status").returncode == 4


@pytest.mark.slow
def test_a_stopped_terminal_and_a_flood_neither_freeze_it_nor_fill_memory(
    folder: Path, terminal: Callable[..., Terminal]
) -> None:
    flood = "import os, time\nline = b'y' * 99 + b'\\n'\nfor _ in range(40): os.write(1, line * 10000)\ntime.sleep(100)"
    (folder / "services.yaml").write_text(f"services: {{noisy: {{command: [python3, -c, {flood!r}]}}}}")
    up = terminal(*MAMCTL, "up")
    # Nothing is read from the terminal now: it is as stopped as by Ctrl-S.
    deadline = time.monotonic() + 30
    while not (folder / "logs" / "noisy.log.3").exists():
        assert time.monotonic() < deadline
    assert resident(up.process.pid) < 120_000_000
    up.expect(r"\[[\d,]+ lines not shown: they came faster", timeout=60)
    up.press("\x03")
    up.expect("nothing is left", timeout=60)
    assert up.wait() == 130


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_a_bad_manifest_starts_nothing(folder: Path) -> None:
    (folder / "services.yaml").write_text("services: {a: {comand: [x]}}")
    done = mamctl(folder, "up")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean command?" in done.stderr
    assert not (folder / ".mamctl" / "control.sock").exists()


@pytest.mark.slow
def test_the_live_progress_of_up_detached_leaves_a_clean_table(folder: Path, terminal: Callable[..., Terminal]) -> None:
    slow = "import time; time.sleep(0.6); print('ready', flush=True); time.sleep(100)"
    (folder / "services.yaml").write_text(
        f"services: {{slow: {{command: [python3, -c, {slow!r}], ready: {{log: ready}}}}}}"
    )
    up = terminal(*MAMCTL, "up", "-d")
    up.expect(r"0 of 1 ready, 1 starting")
    up.expect(r"slow  ● ready")
    up.expect(r"1 of 1 ready")
    assert up.wait() == 0
    assert restored(up)
    down = terminal(*MAMCTL, "down")
    down.expect("stopped 1 service; nothing is left")
    assert down.wait() == 0


@pytest.mark.slow
def test_watching_repaints_until_q(folder: Path, terminal: Callable[..., Terminal]) -> None:
    assert mamctl(folder, "up", "-d").returncode == 0
    watch = terminal(*MAMCTL, "status", "--watch")
    watch.expect("talker   ● ready")
    watch.expect("talker   ● ready")
    watch.press("q")
    assert watch.wait() == 0
    assert restored(watch)


@pytest.mark.slow
def test_a_watch_outlives_its_supervisor_and_ends_with_the_stack(
    folder: Path, terminal: Callable[..., Terminal]
) -> None:
    assert mamctl(folder, "up", "-d").returncode == 0
    watch = terminal(*MAMCTL, "status", "--watch")
    watch.expect("talker   ● ready")
    os.kill(json.loads(mamctl(folder, "status", "--json").stdout)["supervisor"]["pid"], signal.SIGKILL)
    watch.expect(r"another supervisor took over \(pid \d+\)")
    assert mamctl(folder, "down").returncode == 0
    watch.expect("not running")
    watch.expect("the supervisor has left: everything was stopped for good")
    assert watch.wait() == 4
    assert restored(watch)
