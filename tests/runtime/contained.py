"""Incarnations of services that misbehave, in control groups or not, of our own or of another supervisor."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from mamctl.core.manifest.model import ServiceSpec, Stop
from mamctl.runtime.cgroups import Groups, open_groups
from mamctl.runtime.environment import environment
from mamctl.runtime.incarnation import Incarnation
from mamctl.runtime.launcher import Launched, Launcher
from mamctl.runtime.placement import Placement
from tests.scripted import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

ESCAPEES = str(pathlib.Path(__file__).parent.parent / "escapees.py")
# Another supervisor: it starts the command, is the subreaper, and reaps; its services are no children of ours.
GUARDIAN = """
import ctypes, os, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[1:], start_new_session=True)
print(child.pid, flush=True)
while True:
    try: os.waitpid(-1, 0)
    except ChildProcessError:
        if not sys.stdin.read(1): break
"""


def spec(grace: float = 0.1) -> ServiceSpec:
    """A service that has this long to stop."""
    return ServiceSpec("web", stop=Stop(grace=grace))


def born(argv: Sequence[object], of: ServiceSpec | None = None) -> Incarnation:
    """Start a command as a service of our own."""
    wish = of or spec()
    instance = f"test/{wish.name}/{os.urandom(6).hex()}"
    env = environment(wish, "test", {"PATH": os.environ["PATH"]}, instance)
    launcher = Launcher()
    words = tuple(map(str, argv))
    with open(os.devnull, "w") as nowhere:
        out = nowhere.fileno()
        made = Incarnation(wish, 1, instance, launcher.launch(words, cwd="/", env=env, stdout=out, stderr=out))
    launcher.close()
    return made


class Elsewhere:
    """A service that another supervisor started, and that supervisor."""

    def __init__(self, argv: Sequence[object], of: ServiceSpec | None = None) -> None:
        wish = of or spec()
        instance = f"test/{wish.name}/{os.urandom(6).hex()}"
        env = environment(wish, "test", {"PATH": os.environ["PATH"]}, instance)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MAMCTL_")}
        prefix = ["env", *(f"{name}={value}" for name, value in env.items())]
        self.guardian = subprocess.Popen(
            [sys.executable, "-IS", "-c", GUARDIAN, *prefix, *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean,
            start_new_session=True,
        )
        assert self.guardian.stdout is not None
        pid = int(self.guardian.stdout.readline())
        launched = Launched(pid, os.pidfd_open(pid))
        self.incarnation = Incarnation(wish, 1, instance, launched, ask=lambda _pid: None)

    def close(self) -> None:
        """End the other supervisor, who must have nothing left to wait for."""
        assert self.guardian.stdin is not None
        assert self.guardian.stdout is not None
        self.guardian.stdin.close()
        self.guardian.wait(5)
        self.guardian.stdout.close()


def die(found: Incarnation) -> None:
    """Kill the leader alone, and collect it."""
    signal.pidfd_send_signal(found.pidfd, signal.SIGKILL)
    eventually(found.reap)
    found.release()


def groups_at(home: pathlib.Path) -> Groups | None:
    """Return the control groups of a stack with this home, if there can be any here."""
    home.mkdir(exist_ok=True)
    return open_groups(str(home))


async def placed(groups: Groups, found: Incarnation) -> Placement:
    """Put an incarnation into its group, and wait until it is there."""
    placement = Placement(asyncio.get_running_loop())
    placement.groups = groups
    placement.join(found)
    async with asyncio.timeout(5):
        while found.control is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    return placement


def numbers(path: pathlib.Path) -> list[int]:
    """Return the pids that were written to a file."""
    try:
        return [int(word) for word in path.read_text().split()]
    except FileNotFoundError:
        return []
