import asyncio
import contextlib
import os
import subprocess
import sys

import pytest

from mamctl.core.manifest.model import ExecProbe, Probe
from mamctl.runtime.probes import Context, Prober
from mamctl.runtime.probes import command as command_module
from mamctl.runtime.probes.command import Command, by_pidfd, by_polling
from mamctl.runtime.processes import children, read
from tests.scripted import eventually

ENV = dict(os.environ)


@pytest.fixture(params=[by_pidfd, by_polling], ids=["pidfd", "polling"], autouse=True)
def watch(request, monkeypatch):
    """Every test holds with either way to see an end."""
    monkeypatch.setattr(command_module, "_WATCH", request.param)


@pytest.fixture(autouse=True)
def nothing_left():
    """No child and no descriptor outlives a test."""
    before = children(os.getpid()), len(os.listdir("/proc/self/fd"))
    yield
    assert (children(os.getpid()), len(os.listdir("/proc/self/fd"))) == before


def ask(*argv, timeout=5.0, env=ENV, cwd="."):
    return asyncio.run(Prober().check(Probe(ExecProbe(argv), timeout=timeout), Context(env=env, cwd=cwd)))


def shell(script, **more):
    return ask("/bin/sh", "-c", script, **more)


def test_exit_0_is_good():
    outcome = shell("exit 0")
    assert (outcome.ok, outcome.detail) == (True, "exit 0")


def test_another_exit_is_bad_and_comes_with_the_end_of_stderr():
    outcome = shell("echo cannot reach the database >&2; exit 3")
    assert (outcome.ok, outcome.detail) == (False, "exit 3: cannot reach the database")


def test_output_is_thrown_away_however_much_it_is():
    outcome = shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1")
    assert outcome.detail.endswith("end")
    assert len(outcome.detail) <= len("exit 1: ") + 200


def test_what_stderr_says_is_shown_harmlessly():
    assert shell("printf 'a\\033[31mb\\n\\377c' >&2; exit 1").detail == "exit 1: a?[31mb �c"


def test_a_death_by_signal_is_named():
    assert shell("kill -SEGV $$").detail == "killed by SIGSEGV"
    assert shell("kill -40 $$").detail == "killed by signal 40"


def test_a_command_that_does_not_end_is_killed_with_what_it_started(tmp_path):
    pids = tmp_path / "pids"
    outcome = shell(f"sleep 60 & echo $! $$ > {pids}; trap '' TERM; wait", timeout=0.1)
    assert (outcome.ok, outcome.detail) == (False, "/bin/sh did not end within 0.1 s")
    eventually(lambda: all(ended(int(pid)) for pid in pids.read_text().split()))


def test_what_a_command_leaves_running_is_killed(tmp_path):
    pids = tmp_path / "pids"
    assert shell(f"sleep 60 & echo $! > {pids}").ok
    eventually(lambda: ended(int(pids.read_text())))


def ended(pid):
    row = read(pid)
    return row is None or row.state == "Z"


def test_it_runs_in_the_services_folder_and_environment_only(tmp_path):
    outcome = ask("/bin/sh", "-c", "echo $PWD-$MARK-$HOME >&2; exit 1", cwd=str(tmp_path), env={"MARK": "m"})
    assert outcome.detail == f"exit 1: {tmp_path}-m-"


def test_it_leads_a_group_of_its_own():
    outcome = ask(sys.executable, "-ISc", "import os, sys; sys.exit(os.getpgrp() != os.getpid())")
    assert outcome.ok


def test_it_reads_nothing_from_us():
    assert shell("cat").ok


def test_a_missing_command_is_said_to_be_missing():
    outcome = ask("no-such-command")
    assert (outcome.ok, outcome.detail, outcome.answered) == (False, "command not found: no-such-command", False)


def test_a_missing_folder_is_not_taken_for_a_missing_command(tmp_path):
    assert shell("true", cwd=str(tmp_path / "gone")).detail == f"no such folder: {tmp_path / 'gone'}"


def test_a_file_that_may_not_be_run_is_said_to_be_so(tmp_path):
    script = tmp_path / "script"
    script.write_text("true")
    assert ask(str(script)).detail == f"cannot run {script}: permission denied"


def test_a_check_that_is_cancelled_leaves_nothing(tmp_path):
    pids = tmp_path / "pids"

    async def scenario():
        prober = Prober()
        probe = Probe(ExecProbe(("/bin/sh", "-c", f"echo $$ > {pids}; exec sleep 60")), timeout=30)
        asking = asyncio.ensure_future(prober.check(probe, Context(env=ENV)))
        await asyncio.sleep(0)
        (pid,) = prober.pids
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert prober.pids == set()
        return pid

    assert read(asyncio.run(scenario())) is None


def test_its_pid_is_told_to_whoever_reaps_orphans():
    async def scenario():
        prober = Prober()
        probe = Probe(ExecProbe(("/bin/sh", "-c", "exit 0")))
        asking = asyncio.ensure_future(prober.check(probe, Context(env=ENV)))
        await asyncio.sleep(0)
        running = set(prober.pids)
        await asking
        return running, prober.pids

    running, left = asyncio.run(scenario())
    assert len(running) == 1
    assert left == set()


def test_a_status_that_somebody_else_took_is_not_taken_for_success():
    async def scenario():
        command = Command(("/bin/sh", "-c", "exit 0"), env=ENV, cwd=".", pids=set(), watch=lambda *_: None)
        os.waitpid(command._process.pid, 0)  # noqa: ASYNC222 - as a careless reaper would, and it ends at once
        command._on_end()
        return await command.finish(5)

    assert asyncio.run(scenario()) is None


def test_no_process_to_be_had_is_our_trouble_and_not_an_exception(monkeypatch):
    def exhausted(*args, **more):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", exhausted)
    assert shell("true").detail == "cannot run /bin/sh: resource temporarily unavailable"


def test_no_descriptor_left_is_our_trouble_and_not_an_exception(monkeypatch):
    def exhausted():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(command_module.os, "pipe", exhausted)
    assert shell("true").detail == "cannot run /bin/sh: too many open files"


def test_a_command_whose_end_cannot_be_watched_is_not_left_running(monkeypatch):
    def refuse(loop, pid, ended):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(command_module, "_WATCH", refuse)
    assert ask("/bin/sleep", "60").detail == "cannot run /bin/sleep: too many open files"


def test_a_writer_that_left_the_group_does_not_hold_the_check_up(tmp_path):
    pids = tmp_path / "pids"
    script = f"setsid sh -c 'echo $$ > {pids}; exec yes >&2' & while [ ! -s {pids} ]; do sleep 0.01; done; exit 1"
    outcome = shell(script)
    with contextlib.suppress(ProcessLookupError):  # the closed pipe ends it too, sooner or later
        os.kill(int(pids.read_text()), 9)
    assert outcome.detail.startswith("exit 1: y y")
