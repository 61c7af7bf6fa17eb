"""The real supervisord and a stack of ours, with the same programs, answer the same calls alike.

What must differ is named: paths, pids, times, versions, and what the documentation's table says.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.realstack import PATIENCE, real_stack
from tests.control.xmlrpc.calling import Caller, FaultCode, calling
from tests.scripted import MISBEHAVE, eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

SPEAKER = [sys.executable, "-S", MISBEHAVE, "--print", "one", "--print", "two"]
SERVICES: dict[str, Any] = {
    "good": {"command": SPEAKER, "logs": {"streams": "split"}},
    "idle": {"command": ["sleep", "1000"], "manual": True},
    "bad": {"command": ["false"], "manual": True, "restart": {"delay": 60}},
    "missing": {"command": ["/none/such"], "manual": True},
    "worker": {"command": ["sleep", "1000"], "replicas": 2},
}
CONF = """
[unix_http_server]
file={folder}/s.sock
[supervisord]
nodaemon=true
logfile={folder}/main.log
pidfile={folder}/s.pid
childlogdir={folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:good]
command={speaker}
startsecs=0
[program:idle]
command=sleep 1000
startsecs=0
autostart=false
[program:bad]
command=false
autostart=false
[program:missing]
command=/none/such
stdout_logfile={folder}/missing.log
autostart=false
[program:worker]
command=sleep 1000
startsecs=0
numprocs=2
numprocs_start=1
process_name=worker-%(process_num)d
"""


@contextlib.contextmanager
def theirs(folder: pathlib.Path) -> Iterator[Caller]:
    """Run the real supervisord while entered."""
    (folder / "s.conf").write_text(CONF.format(folder=folder, speaker=" ".join(SPEAKER)))
    # Its own warnings are not ours to answer for.
    command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", str(folder / "s.conf")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as process:
        try:
            eventually(lambda: os.path.exists(folder / "s.sock"), within=PATIENCE)
            with calling(str(folder / "s.sock")) as call:
                yield call
        finally:
            process.terminate()


# The real supervisord looks up once a second.
pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Caller, Caller]]:
    # The name of a Unix socket must be short.
    ours = tmp_path_factory.mktemp("ours")
    with (
        theirs(tmp_path_factory.mktemp("t")) as their,
        real_stack(ours, "like-theirs", SERVICES) as stack,
        calling(stack.socket) as our,
    ):
        for one in (their, our):
            eventually(lambda one=one: one("readProcessLog", "good", 0, 0) == "one\ntwo\n", within=PATIENCE)
            eventually(lambda one=one: one.state("worker:worker-2") == "RUNNING", within=PATIENCE)
        yield their, our


def shape(value: Any) -> Any:
    """Return what a value is made of."""
    if isinstance(value, FaultCode):
        return f"fault {value:d}"
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


# In this order, for they change things. What is asked with its answer is equal in all; the rest in shape.
EQUAL: list[tuple[Any, ...]] = [
    ("system.listMethods",), ("getAPIVersion",), ("getVersion",), ("getState",),
    ("readProcessLog", "good", 0, 0), ("readProcessStdoutLog", "good", -4, 0), ("readProcessLog", "good", 2, 3),
    ("readProcessLog", "good", -1, 1), ("readProcessLog", "good", 0, -1), ("readProcessLog", "good", 99, 0),
    ("readProcessLog", "missing", 0, 0), ("readProcessLog", "nosuch", 0, 0), ("readProcessStderrLog", "good", 0, 0),
    *(("tailProcessStdoutLog", "good", offset, length) for offset in (-1, 0, 3, 7, 8, 9) for length in (0, 1, 8, 99)),
    ("tailProcessStderrLog", "good", 0, 10), ("tailProcessLog", "missing", 0, 10), ("tailProcessLog", "nosuch", 0, 1),
    ("getProcessInfo", "nosuch"), ("getProcessInfo", "worker"), ("getProcessInfo", "worker:*"),
    ("startProcess", "good"), ("startProcess", "missing"), ("startProcess", "nosuch"), ("startProcess", "idle:x"),
    ("stopProcess", "idle"), ("stopProcess", "nosuch"), ("startProcess", "idle"), ("startProcess", "idle"),
    ("signalProcess", "idle", "CONT"), ("signalProcess", "idle", "18"), ("signalProcess", "idle", "NOPE"),
    ("stopProcess", "idle"), ("signalProcess", "idle", "CONT"), ("signalProcess", "nosuch", "CONT"),
    ("signalProcessGroup", "worker", "CONT"), ("signalProcess", "worker:*", "CONT"), ("signalAllProcesses", "CONT"),
    ("signalProcessGroup", "nosuch", "CONT"), ("startProcessGroup", "worker"), ("stopProcessGroup", "worker"),
    ("stopProcessGroup", "worker"), ("startProcess", "worker:*"), ("stopProcess", "worker:worker-1"),
    ("startProcess", "worker:worker-1"), ("startProcessGroup", "nosuch"), ("stopProcessGroup", "nosuch"),
    ("reloadConfig",), ("addProcessGroup", "good"), ("addProcessGroup", "nosuch"), ("removeProcessGroup", "good"),
    ("removeProcessGroup", "nosuch"), ("removeProcessGroup", "idle"), ("getProcessInfo", "idle"),
    ("removeProcessGroup", "idle"), ("addProcessGroup", "idle"), ("sendProcessStdin", "idle", "x"),
    ("sendProcessStdin", "nosuch", "x"), ("clearProcessLogs", "nosuch"), ("clearProcessLogs", "good"),
    ("readProcessLog", "good", 0, 0), ("getState", 1), ("getProcessInfo",), ("supervisor.nosuch",), ("nosuch.method",),
    ("supervisor._update", "x"), ("system.methodHelp", "nosuch"), ("system.methodSignature", "nosuch"),
    ("system.methodSignature", "supervisor.startProcess"),
    ("system.multicall", [{"methodName": "supervisor.getAPIVersion", "params": []}]),
]  # fmt: skip


def test_calls_are_answered_alike(both: tuple[Caller, Caller]) -> None:
    their, our = both
    for name, *params in EQUAL:
        assert (name, params, by_name(our(name, *params))) == (name, params, by_name(their(name, *params)))


def by_name(value: Any) -> Any:
    """Return results of several processes by name; supervisord tells them in the order in which they came about."""
    several = isinstance(value, list) and value and isinstance(value[0], dict) and "status" in value[0]
    return sorted(value, key=lambda one: one["name"]) if several else value


SHAPES: list[tuple[Any, ...]] = [
    ("getIdentification",), ("getSupervisorVersion",), ("getPID",), ("getAllProcessInfo",), ("getProcessInfo", "good"),
    ("system.multicall", [{"methodName": "supervisor.nosuch"}, {"methodName": "system.multicall"}]),
]  # fmt: skip


def test_answers_that_differ_have_the_same_fields_of_the_same_types(both: tuple[Caller, Caller]) -> None:
    their, our = both
    for name, *params in SHAPES:
        assert (name, shape(our(name, *params))) == (name, shape(their(name, *params)))
    # A folder and a limit on restarts may be `none` there, and are not here.
    for one, other in zip(our("getAllConfigInfo"), their("getAllConfigInfo"), strict=True):
        assert one.keys() == other.keys()
        assert {key for key in one if shape(one[key]) != shape(other[key])} == set()
        assert [one[key] for key in ("name", "group", "autostart", "inuse", "stopsignal", "exitcodes")] == [
            other[key] for key in ("name", "group", "autostart", "inuse", "stopsignal", "exitcodes")
        ]


def test_every_method_has_the_same_signature(both: tuple[Caller, Caller]) -> None:
    their, our = both
    for name in their("system.listMethods"):
        assert (name, our("system.methodSignature", name)) == (name, their("system.methodSignature", name))


def test_one_that_ends_at_once_is_told_as_a_failed_start(both: tuple[Caller, Caller]) -> None:
    for call in both:
        # supervisord says either, as quickly as it is.
        assert call("startProcess", "bad") in (FaultCode(40), FaultCode(50))
        eventually(lambda call=call: call.state("bad") in ("BACKOFF", "FATAL"), within=PATIENCE)
        call("stopProcess", "bad")
