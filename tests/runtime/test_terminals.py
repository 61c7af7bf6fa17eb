"""Services with a terminal of their own: what they see of it, where their output goes, and who outlives whom."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.core.errors import NoTerminalError, NotRunningError
from tests.runtime.stack import Stack, descriptors, row, run, until

if TYPE_CHECKING:
    import pathlib

    from mamctl import ProcessManager
    from mamctl.runtime.terminal import Terminal

ABOUT = """
import fcntl, os, sys, termios
mine = [os.ttyname(number) for number in range(3)]
print('same', len(set(mine)) == 1, 'leader', os.getsid(0) == os.getpid())
print('controlling', os.ttyname(os.open('/dev/tty', os.O_RDWR)) , os.tcgetpgrp(0) == os.getpgrp())
print('size', os.get_terminal_size(), 'term', os.environ['TERM'], 'lines', os.environ.get('LINES'))
print('open', [fd for fd in range(3, 200) if os.path.exists(f'/proc/self/fd/{fd}') and fd != 3])
print('utf8', bool(termios.tcgetattr(0)[0] & 0o40000))
input('name: ')
"""


def on_terminal(*command: str, **keys: Any) -> dict[str, Any]:
    return {"command": list(command), "tty": True, "stop": {"signal": "HUP", "grace": "2s"}, **keys}


def python(code: str, **keys: Any) -> dict[str, Any]:
    return on_terminal(sys.executable, "-S", "-u", "-c", code, **keys)


def terminal_of(manager: ProcessManager, name: str) -> Terminal:
    spec = manager.hands.supervisor.services[name].run
    return manager.hands.terminals.of(spec, alive=name in manager.hands.alive)


def test_a_service_finds_a_terminal_of_its_own(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"app": python(ABOUT)})

    async def scenario() -> None:
        async with stack.managed() as manager:
            await manager.up()
            await until(manager, lambda: b"name: " in stack.log("app"))

    run(scenario())
    said = stack.log("app").decode()
    assert "same True leader True\r\n" in said
    assert "controlling /dev/tty True" in said
    assert "size os.terminal_size(columns=80, lines=24) term xterm-256color lines None" in said
    assert "open []" in said
    assert "utf8 True" in said
