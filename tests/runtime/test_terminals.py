"""Services with a terminal of their own: what they see of it, where their output goes, and who waits for whom."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import NoTerminalError, NotRunningError
from mamctl.runtime import terminal as terminal_module
from mamctl.runtime.terminal import open_pair
from mamctl.runtime.views import Views
from tests.runtime.stack import Stack, descriptors, row, run, until

if TYPE_CHECKING:
    import pathlib

    from mamctl import ProcessManager
    from mamctl.runtime.terminal import Terminal

ABOUT = """
import os, termios
print('same', len({os.ttyname(number) for number in range(3)}) == 1, 'leader', os.getsid(0) == os.getpid())
print('controlling', os.ttyname(os.open('/dev/tty', os.O_RDWR)), os.tcgetpgrp(0) == os.getpgrp())
print('size', tuple(os.get_terminal_size()), 'term', os.environ['TERM'], 'lines', os.environ.get('LINES'))
print('open', [fd for fd in range(4, 200) if os.path.exists(f'/proc/self/fd/{fd}')])
print('utf8', bool(termios.tcgetattr(0)[0] & 0o40000))
print('hello', input('name: '))
"""
SIZES = """
import os, signal
print(tuple(os.get_terminal_size()), flush=True)
signal.signal(signal.SIGWINCH, lambda *_: print(tuple(os.get_terminal_size()), flush=True))
while True:
    signal.pause()
"""


def on_terminal(*command: str, **keys: Any) -> dict[str, Any]:
    return {"command": list(command), "tty": True, "stop": {"signal": "HUP", "grace": "2s"}, **keys}


def python(code: str, **keys: Any) -> dict[str, Any]:
    return on_terminal(sys.executable, "-S", "-u", "-c", code, **keys)


def terminal_of(manager: ProcessManager, name: str) -> Terminal:
    return Views(manager.hands).terminal(name)


def test_a_service_finds_a_terminal_of_its_own_and_reads_what_is_typed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "7")
    monkeypatch.setenv("TERM", "dumb")
    stack = Stack(tmp_path, {"app": python(ABOUT, kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.operator.up(["app"], (), alone=False, wait=0)
            await until(manager, lambda: b"name: " in stack.log("app"))
            await terminal_of(manager, "app").type(b"J\xc3\xb6rg\r")
            await until(manager, lambda: row(manager, "app")["state"] == "completed")

    run(scenario())
    said = stack.log("app").decode()
    assert "same True leader True\r\n" in said
    assert "controlling /dev/tty True" in said
    assert "size (80, 24) term xterm-256color lines None" in said
    assert "open []" in said
    assert "utf8 True" in said
    assert said.endswith("name: Jörg\r\nhello Jörg\r\n")


def test_its_manifest_may_say_which_terminal_it_is(tmp_path: pathlib.Path) -> None:
    shows = on_terminal("sh", "-c", 'echo "$TERM $COLUMNS $(pwd)"', kind="task", cwd="sub", env={"TERM": "vt100"})
    (tmp_path / "sub").mkdir()
    stack = Stack(tmp_path, {"app": shows}, env={"COLUMNS": "9"})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()

    run(scenario())
    assert stack.log("app").decode() == f"vt100 9 {tmp_path / 'sub'}\r\n"


def test_what_was_written_last_is_in_the_log_before_the_end_is_told(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"app": python("print('x' * 60000 + 'last')", kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            seen = []
            manager.on("completed", lambda _: seen.append(stack.log("app")))
            await manager.up()
            assert seen == [b"x" * 60000 + b"last\r\n"]

    run(scenario())


def test_a_change_of_size_is_told_and_the_next_incarnation_has_the_last_one(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"app": python(SIZES)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            terminal = terminal_of(manager, "app")
            await until(manager, lambda: b"(80, 24)" in stack.log("app"))
            terminal.resize(30, 100)
            await until(manager, lambda: b"(100, 30)" in stack.log("app"))
            terminal.redraw()
            await until(manager, lambda: stack.log("app").count(b"(100, 30)") == 2)
            await manager.restart("app")
            await until(manager, lambda: stack.log("app").count(b"(100, 30)") == 3)
            assert terminal_of(manager, "app") is not terminal
            terminal.resize(1, 1)  # it is gone: nobody is told, and nothing goes wrong
            terminal.redraw()
            await terminal.type(b"nobody reads this")
            assert terminal.drain() == 0

    run(scenario())


def test_a_log_probe_reads_lines_without_their_carriage_returns(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"app": python("print('up now'); input()", ready={"log": "^up now$"})})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            assert row(manager, "app")["state"] == "ready"

    run(scenario())


def test_a_service_that_does_not_read_lets_who_types_wait_and_nobody_else(tmp_path: pathlib.Path) -> None:
    quiet = "import signal, termios, tty; tty.setraw(0); print('raw'); signal.pause()"
    stack = Stack(tmp_path, {"app": python(quiet)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: b"raw" in stack.log("app"))
            terminal = terminal_of(manager, "app")
            typing = [asyncio.ensure_future(terminal.type(b"x" * 100_000)) for _ in range(2)]
            assert (await asyncio.wait(typing, timeout=0.2))[0] == set()
            await manager.stop("app")
            await asyncio.gather(*typing)

    run(scenario())


def test_all_that_is_typed_arrives_in_order(tmp_path: pathlib.Path) -> None:
    counts = "import sys, tty; tty.setraw(0); print('raw'); print(len(sys.stdin.buffer.read(300_000).strip(b'y')))"
    stack = Stack(tmp_path, {"app": python(counts, kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.operator.up(["app"], (), alone=False, wait=0)
            await until(manager, lambda: b"raw" in stack.log("app"))
            await terminal_of(manager, "app").type(b"y" * 300_000)
            await until(manager, lambda: row(manager, "app")["state"] == "completed")

    run(scenario())
    assert stack.log("app").endswith(b"\n0\n")


def test_only_a_service_that_has_one_and_runs_has_a_terminal(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"plain": {"command": ["sleep", "60"]}, "shell": on_terminal("cat")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            with pytest.raises(NotRunningError, match="shell is not running"):
                terminal_of(manager, "shell")
            await manager.up()
            with pytest.raises(NoTerminalError, match="plain has no terminal"):
                terminal_of(manager, "plain")
            manager.hands.terminals.close("shell")
            with pytest.raises(NoTerminalError, match="was lost with the supervisor"):
                terminal_of(manager, "shell")

    run(scenario())


def test_a_stack_of_terminals_leaves_no_descriptor(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": on_terminal("cat"), "b": python("raise SystemExit(3)", restart="never")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await manager.restart("a")

    run(scenario())
    before = descriptors()
    run(scenario())
    assert descriptors() == before


def test_without_terminals_left_the_start_fails_and_is_tried_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path, {"app": on_terminal("cat", restart={"delay": 0})})
    openpty, refusals = os.openpty, iter([OSError(28, "No space left on device")])

    def scarce() -> tuple[int, int]:
        for refusal in refusals:
            raise refusal
        return openpty()

    monkeypatch.setattr(terminal_module.os, "openpty", scarce)

    async def scenario() -> None:
        async with stack.managed() as manager:
            told = []
            manager.on("*", lambda event: told.append(str(event["data"].get("detail"))))
            await manager.up()
            assert row(manager, "app")["state"] == "ready"
            assert any("its terminal cannot be made: no space left on device" in detail for detail in told)

    run(scenario())


def test_a_command_that_does_not_exist_leaves_no_terminal(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"app": on_terminal("/none/such")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            assert row(manager, "app")["reason"] == "command_not_found"
            with pytest.raises(NotRunningError):
                terminal_of(manager, "app")

    run(scenario())


def test_a_terminal_that_was_hung_up_is_looked_at_seldom(tmp_path: pathlib.Path) -> None:
    """Programs such as login hang up all who have the terminal open, us too, and open it again for themselves."""

    async def scenario() -> None:
        end = os.open(tmp_path / "end", os.O_WRONLY | os.O_CREAT)
        pair = open_pair(end, (24, 80))
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, pair.slave)
        for descriptor in (end, null):
            os.close(descriptor)
        loop = asyncio.get_running_loop()
        terminal = terminal_module.Terminal(pair, None, 1, loop)  # type: ignore[arg-type]  # nobody reads here
        terminal._wake()
        assert terminal._timer is not None
        assert terminal._timer.when() - loop.time() > 0.05
        await terminal.type(b"to nobody")
        terminal.redraw()
        terminal.close()
        terminal.close()

    run(scenario())


def test_echo_is_the_terminals_own_so_secrets_can_be_typed_unseen(tmp_path: pathlib.Path) -> None:
    asks = "import getpass; print(len(getpass.getpass()))"
    stack = Stack(tmp_path, {"app": python(asks, kind="task")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.operator.up(["app"], (), alone=False, wait=0)
            await until(manager, lambda: b"Password: " in stack.log("app"))
            terminal = terminal_of(manager, "app")
            assert not termios.tcgetattr(terminal.pair.slave)[3] & termios.ECHO
            await terminal.type(b"hunter22\r")
            await until(manager, lambda: row(manager, "app")["state"] == "completed")

    run(scenario())
    assert b"hunter22" not in stack.log("app")
    assert b"8\r\n" in stack.log("app")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a service as somebody else")
def test_another_user_may_open_the_terminal_that_is_his(tmp_path: pathlib.Path) -> None:
    opens = 'id -un; echo one > "$(tty)"; echo two > /dev/stdout; echo three > /dev/tty'
    stack = Stack(tmp_path, {"app": on_terminal("sh", "-c", opens, kind="task", user="nobody", cwd="/")})

    async def scenario() -> None:
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]

    run(scenario())
    assert stack.log("app") == b"nobody\r\none\r\ntwo\r\nthree\r\n"
