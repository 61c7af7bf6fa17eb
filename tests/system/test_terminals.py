"""`mamctl attach` on real terminals, to services of real supervisors: and what is left when anybody dies."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import MamctlError
from tests.runtime.stack import lives
from tests.system.supervised import Folder, end_orphans, within

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "cli"))
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system
MAMCTL = (sys.executable, "-m", "mamctl.cli.main")
PATIENCE = 15.0
REPL = "import code; code.interact(banner='ready now', local={})"
# Says a number now and then, for as long as the test may take, and what it is told in between.
COUNTS = """
import itertools, select, sys
for number in itertools.count():
    print(f'<{number}>', flush=True)
    if select.select([0], [], [], 0.01)[0]:
        print('heard', sys.stdin.readline().strip(), flush=True)
"""


def on_terminal(code: str, **keys: Any) -> dict[str, Any]:
    command = [sys.executable, "-S", "-u", "-c", code]
    return {"command": command, "tty": True, "stop": {"grace": "2s"}, "restart": {"delay": 0}, **keys}


def ready(folder: Folder, *names: str) -> None:
    within(PATIENCE, lambda: all(state(folder, name) == "ready" for name in names))


def state(folder: Folder, name: str) -> Any:
    try:
        return folder.row(name)["state"]
    except MamctlError:
        return None


@contextmanager
def attached(folder: Folder, *words: str, rows: int = 24, columns: int = 80) -> Iterator[Terminal]:
    environ = {"XDG_RUNTIME_DIR": str(folder.path)}
    terminal = Terminal(
        [*MAMCTL, "attach", *words], cwd=str(folder.path), environ=environ, rows=rows, columns=columns
    )  # fmt: skip
    try:
        terminal.expect("attached to")
        yield terminal
    finally:
        terminal.close()


def supervisor(folder: Folder) -> dict[str, Any]:
    found: dict[str, Any] = folder.client.request("GET", "/v1/status")["supervisor"]
    return found


def is_another(folder: Folder, pid: int) -> bool:
    try:
        return bool(supervisor(folder)["pid"] != pid)
    except MamctlError:
        return False


def read_until(terminal: Terminal, text: str) -> None:
    """Read until the terminal has shown it, and forget nothing."""
    deadline = time.monotonic() + PATIENCE
    while text not in terminal.seen:
        assert terminal._read(deadline), f"no {text!r} in: {terminal.seen[-1000:]!r}"


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"<(\d+)>", text)]


def test_a_session_types_resizes_detaches_and_comes_back(folder: Folder) -> None:
    folder.start({"repl": on_terminal(REPL)})
    ready(folder, "repl")
    with attached(folder, "repl", rows=30, columns=100) as terminal:
        terminal.expect("ready now")
        terminal.press("import os; tuple(os.get_terminal_size())\r")
        terminal.expect(r"\(100, 30\)")
        terminal.resize(40, 120)
        terminal.expect("")
        terminal.press("tuple(os.get_terminal_size())\r")
        terminal.expect(r"\(120, 40\)")
        terminal.press("kept = 'still ' + 'here'\r\x10\x11")
        terminal.expect("detached: repl goes on; `mamctl attach repl` comes back")
        assert terminal.wait() == 0
        assert terminal.modes() == terminal.before
    with attached(folder, "repl") as terminal:
        terminal.expect("kept = ")
        terminal.press("kept\r")
        terminal.expect("'still here'")
        terminal.press("import time; time.sleep(60)\r")
        terminal.expect("sleep")
        terminal.press("\x03")
        terminal.expect("KeyboardInterrupt")
        terminal.press("raise SystemExit(7)\r")
        terminal.expect("repl has ended with exit code 7")
        assert terminal.wait() == 7
        assert terminal.modes() == terminal.before
    folder.down()


def test_several_see_the_same_one_may_only_look_on(folder: Folder) -> None:
    folder.start({"repl": on_terminal(REPL)})
    ready(folder, "repl")
    with attached(folder, "repl") as one, attached(folder, "repl", "--no-stdin", "--no-tail", columns=60) as other:
        one.press("6 * 7\r")
        for terminal in (one, other):
            terminal.expect("42")
        one.press("import os; os.get_terminal_size().columns\r")
        one.expect("80")
        other.press("\x03")
        other.expect("detached")
        assert other.wait() == 130
        one.press("2 ** 10\r")
        one.expect("1024")
    folder.down()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_client_that_is_told_to_go_leaves_its_terminal_as_it_was(
    folder: Folder, number: signal.Signals, code: int
) -> None:
    shows = on_terminal("import sys, signal; print('\\x1b[?1049h\\x1b[?25lfull'); signal.pause()")
    folder.start({"full": shows})
    ready(folder, "full")
    with attached(folder, "full") as terminal:
        terminal.expect("full")
        within(PATIENCE, lambda: terminal.modes() != terminal.before)
        os.kill(terminal.process.pid, number)
        within(PATIENCE, lambda: not terminal._read(0) or "\x1b[?25h\x1b[?1049l" in terminal.seen)
        assert terminal.wait() == code
        assert terminal.modes() == terminal.before
    assert state(folder, "full") == "ready"
    folder.down()


def test_what_is_piped_in_is_typed_and_what_it_shows_comes_out(folder: Folder) -> None:
    folder.start({"cat": {"command": ["cat"], "tty": True}})
    ready(folder, "cat")
    done = subprocess.run(
        [*MAMCTL, "attach", "cat", "--no-tail"], input=b"hello\n\x04", capture_output=True, check=False,
        cwd=folder.path, env=folder.environ, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout == b"hello\r\nhello\r\n"
    assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (0, "cat has ended with exit code 0")
    folder.down()


@pytest.mark.parametrize("who", ["supervisor", "guardian", "reexec"])
def test_who_is_attached_misses_nothing_when_the_supervisor_is_replaced(folder: Folder, who: str) -> None:
    folder.start({"counts": on_terminal(COUNTS)})
    ready(folder, "counts")
    pid, before = folder.row("counts")["pid"], supervisor(folder)
    with attached(folder, "counts") as terminal:
        terminal.press("one\r")
        read_until(terminal, "heard one\n")
        if who == "reexec":
            folder.client.request("POST", "/v1/reexec", {}, timeout=PATIENCE)
        else:
            os.kill(before["pid" if who == "supervisor" else "guardian_pid"], signal.SIGKILL)
        # What is typed in the very moment of the kill is lost; what is shown is not.
        within(PATIENCE, lambda: is_another(folder, before["pid"]))
        reached = max(numbers(terminal.seen))
        read_until(terminal, f"<{reached + 50}>\n")
        terminal.press("two\r")
        read_until(terminal, "heard two\n")
        shown = numbers(terminal.seen)
        assert shown == list(range(shown[0], shown[-1] + 1))
        terminal.press("\x10\x11")
        assert terminal.wait() == 0
    within(PATIENCE, lambda: state(folder, "counts") == "ready")
    assert folder.row("counts")["pid"] == pid
    assert folder.row("counts")["tty"] is True
    with attached(folder, "counts") as terminal:
        read_until(terminal, f"<{shown[-1] + 1}>\n")
        told = numbers(terminal.seen)
        assert told[1] < shown[-1], "what was shown to the supervisor before comes first"
    written = numbers(folder.log("counts"))
    assert written == list(range(len(written)))
    folder.pids.append(supervisor(folder)["guardian_pid"])
    folder.down()


def test_with_supervisor_and_guardian_dead_a_terminal_hangs_up_and_the_next_up_starts_it_again(folder: Folder) -> None:
    folder.start({"repl": on_terminal(REPL), "plain": {"command": ["sleep", "600"]}})
    ready(folder, "repl", "plain")
    pids = {name: folder.row(name)["pid"] for name in ("repl", "plain")}
    found = supervisor(folder)
    with attached(folder, "repl", "--no-stdin") as terminal:
        for pid in (found["guardian_pid"], found["pid"]):
            os.kill(pid, signal.SIGKILL)
        within(PATIENCE, lambda: not lives(pids["repl"]))
        assert lives(pids["plain"])
        folder.start()
        ready(folder, "repl", "plain")
        terminal.expect("ready now")
    assert folder.row("plain")["pid"] == pids["plain"]
    assert folder.row("repl")["pid"] != pids["repl"]
    folder.down()


def test_without_a_supervisor_who_is_attached_is_told_so(folder: Folder) -> None:
    folder.start({"repl": on_terminal(REPL)})
    ready(folder, "repl")
    found = supervisor(folder)
    script = (
        "import sys; from mamctl.cli import attached, main; attached.SEARCH_SECONDS = 0.3; "
        "sys.exit(main.run(['attach', 'repl', '--no-stdin'], dict(__import__('os').environ)))"
    )
    client = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              cwd=folder.path, env=folder.environ)  # fmt: skip
    assert client.stderr is not None
    assert client.stderr.readline().startswith(b"attached to repl")
    for pid in (found["guardian_pid"], found["pid"]):
        os.kill(pid, signal.SIGKILL)
    said = client.stderr.read().decode()
    client.stderr.close()
    assert client.wait(PATIENCE) == 4
    assert said.startswith("error: the supervisor was lost\nhint: `mamctl status` tells")
    end_orphans(folder)


def test_what_has_no_terminal_is_refused_with_a_hint(folder: Folder) -> None:
    folder.start({"plain": {"command": ["sleep", "600"]}, "later": on_terminal(REPL, manual=True)})
    ready(folder, "plain")

    def refusal(*words: str, **environ: str) -> tuple[int, list[str]]:
        env = {**folder.environ, **environ}
        done = subprocess.run(
            [*MAMCTL, "attach", *words], capture_output=True, text=True, check=False, cwd=folder.path, env=env
        )  # fmt: skip
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()

    code, lines = refusal("plain")
    assert (code, lines[0]) == (1, "error: plain has no terminal of its own")
    assert "`tty: true`" in lines[1]
    assert "mamctl logs -f plain" in lines[1]
    code, lines = refusal("later")
    assert (code, lines) == (1, ["error: later is not running", "hint: `mamctl start later` starts it"])
    assert refusal("nobody")[0] == 2
    assert refusal("later", "--detach-keys", "hello")[0] == 2
    folder.down()
    assert refusal("plain")[0] == 4


def test_a_terminal_is_not_attached_to_itself(folder: Folder) -> None:
    shell = {"command": ["sh", "-c", f"{' '.join(MAMCTL)} attach shell; echo code $?"], "tty": True, "kind": "task"}
    folder.start({"shell": {**shell, "env": {"PYTHONPATH": str(pathlib.Path(__file__).parent.parent.parent)}}})
    folder.settle()
    said = folder.log("shell")
    assert "this is the terminal of shell already" in said
    assert "code 2" in said


def test_a_foreground_run_shows_lines_without_what_moves_cursors(folder: Folder) -> None:
    moves = "print('\\x1b[2J\\x1b[3;4Hfull \\x1b[31mscreen\\x1b[0m\\x1b]0;title\\x07')"
    folder.write({"app": on_terminal(moves, kind="task", restart="never")})
    done = subprocess.run(
        [*MAMCTL, "up"], capture_output=True, text=True, check=False, cwd=folder.path, env=folder.environ, timeout=60
    )  # fmt: skip
    assert re.search(r"app \| full screen$", done.stdout, re.MULTILINE), done.stdout
    written = pathlib.Path(folder.place.logs, "app.log").read_bytes()
    assert written == b"\x1b[2J\x1b[3;4Hfull \x1b[31mscreen\x1b[0m\x1b]0;title\x07\r\n"
