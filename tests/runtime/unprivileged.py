"""What an ordinary user can and cannot end, run as one: `python -m tests.runtime.unprivileged SCENARIO [PID]`."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
import tempfile

from mamctl.runtime import sweeper
from mamctl.runtime.incarnation import Incarnation
from mamctl.runtime.launcher import Launched
from mamctl.runtime.processes import marked
from mamctl.runtime.subreaper import become_subreaper
from tests.runtime.contained import ESCAPEES, Elsewhere, born, die, groups_at, numbers, spec
from tests.runtime.stack import MISBEHAVE
from tests.scripted import eventually


def main(what: str, *pid: str) -> None:
    """Run a scenario and say how it came out."""
    assert os.getuid() != 0
    with tempfile.TemporaryDirectory() as folder:
        become_subreaper()
        if what == "foreign":
            name_a_foreign_one(int(pid[0]))
        elif what == "groups":
            print(groups_at(pathlib.Path(folder)))
        else:
            sweep(what, pathlib.Path(folder) / "pids")


def sweep(what: str, pids: pathlib.Path) -> None:
    """Start what the scenario names, kill its leader, sweep, and say how many are left."""
    tree = [sys.executable, "-IS", ESCAPEES, 31, pids, "--deaf"]
    runner = [sys.executable, "-IS", MISBEHAVE, "--touch", pids, "--ignore-term", "--fork-forever"]
    elsewhere = Elsewhere(tree) if what == "adopted" else None
    found = elsewhere.incarnation if elsewhere else born(tree if what == "tree" else runner)
    eventually(lambda: len(numbers(pids)) == (1 if what == "runner" else 31))
    die(found)
    assert asyncio.run(sweeper.Sweeper(lambda: (), project="test", sole=False).clean(found)) == ()
    print(len(marked(b"MAMCTL_INSTANCE", (found.instance.encode(),))), "left")
    if elsewhere:
        elsewhere.close()


def name_a_foreign_one(leader: int) -> None:
    """Sweep the session of a dead leader in which somebody else's process runs, and print the survivors."""
    sweeper.KILL_SECONDS = 0.05
    dead = Incarnation(spec(grace=0.0), 1, "test/web/gone", Launched(leader, -1), ask=lambda _pid: None)
    dead.reaped = True
    for survivor in asyncio.run(sweeper.Sweeper(lambda: (), project="test", sole=False).clean(dead)):
        print(survivor.pid, survivor.command)


if __name__ == "__main__":
    main(*sys.argv[1:])
