"""Services that run as another user: real processes, started by root, as nobody; and what an ordinary user may."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from mamctl.core.manifest.account import Account
from mamctl.core.manifest.model import ServiceSpec
from mamctl.core.states import Reason
from mamctl.runtime import accounts
from mamctl.runtime.environment import environment
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.manifest import inspect
from tests.runtime.stack import Stack, lives, row, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator


NOBODY = pwd.getpwnam("nobody")
SPEAKER = str(pathlib.Path(__file__).with_name("speaker.py"))
WAITS = "exec sleep 1000"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process as somebody else")


@pytest.fixture
def theirs() -> Iterator[pathlib.Path]:
    """A folder that nobody may write to; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY.pw_uid, NOBODY.pw_gid)
        yield pathlib.Path(name)


def shell(script: str, **keys: object) -> dict[str, object]:
    return {"command": ["/bin/sh", "-c", script], "cwd": "/", "user": "nobody", **keys}


def status(pid: int) -> dict[str, list[str]]:
    """What the kernel says of a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def interpreter() -> str:
    """A Python that nobody can run: ours may lie in the home of root."""
    become = accounts.prefix(Account("nobody"))
    for found in (sys.executable, "/usr/bin/python3"):
        command = [*become, found, "-IS", "-c", "import socket"]
        if (
            os.path.exists(found)
            and subprocess.run(command, check=False, cwd="/", stderr=subprocess.DEVNULL).returncode == 0
        ):
            return found
    pytest.skip(f"{sys.executable} lies where no other user may go, and there is no other")


# What an account comes to -------------------------------------------------------------------------------------------


def test_without_keys_nothing_stands_before_the_command() -> None:
    assert accounts.prefix(Account()) == ()


def test_who_names_himself_needs_no_other_process() -> None:
    own = pwd.getpwuid(os.geteuid())
    assert accounts.prefix(Account(own.pw_name)) == ()
    assert accounts.prefix(Account(str(own.pw_uid))) == ()


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (Account("no-such-user"), "there is no user no-such-user"),
        (Account("nobody", "no-such-group"), "there is no group no-such-group"),
        (Account("4000000001"), "user 4000000001 has no entry, so its group is not known: write `group` too"),
    ],
)
def test_who_does_not_exist_is_a_final_failure_that_says_so(account: Account, says: str) -> None:
    with pytest.raises(LaunchError) as caught:
        accounts.prefix(account)
    assert (caught.value.reason, caught.value.final, caught.value.detail) == (Reason.CONFIG_ERROR, True, says)
    assert accounts.complaint(account) == says


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (Account("nobody"), "`user: nobody` asks for another than our own, which only root may do"),
        (Account(None, "4000000001"), "`group: 4000000001` asks for another than our own, which only root may do"),
    ],
)
def test_an_ordinary_user_may_become_nobody_else(monkeypatch: pytest.MonkeyPatch, account: Account, says: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert accounts.complaint(account) == says


def test_an_ordinary_user_may_name_himself_and_his_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY.pw_gid)
    assert accounts.prefix(Account("nobody", str(NOBODY.pw_gid))) == ()


def test_home_and_names_are_those_of_the_user_unless_the_manifest_sets_them() -> None:
    spec = ServiceSpec("a", env={"HOME": "/srv"}, account=Account("nobody"))
    found = environment(spec, "test", {"HOME": "/root", "USER": "root", "PATH": "/bin"}, "test/a/1")
    assert (found["HOME"], found["USER"], found["LOGNAME"], found["PATH"]) == ("/srv", "nobody", "nobody", "/bin")


def test_a_user_that_is_gone_while_its_service_runs_leaves_commands_that_fail_and_say_so() -> None:
    command = [*accounts.standing_prefix(Account("no-such-user")), "/bin/true"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (78, "there is no user no-such-user\n")


def test_a_missing_command_is_told_by_us_and_not_by_the_words_before_it() -> None:
    spec = ServiceSpec("a", cwd="/", account=Account(umask=0o27))
    with pytest.raises(LaunchError) as caught:
        accounts.command_of(spec, ["no-such-command"], os.environ)
    assert caught.value.detail == "no-such-command: no such command (not on PATH)"


@as_root
@pytest.mark.parametrize("tool", ["setpriv", "python"])
@pytest.mark.parametrize("group", [None, "daemon"])
def test_both_ways_lead_to_the_same_process(monkeypatch: pytest.MonkeyPatch, tool: str, group: str | None) -> None:
    if tool == "python":
        monkeypatch.setattr(accounts, "_setpriv", lambda _path: None)
    command = [*accounts.prefix(Account("nobody", group, 0o27)), "/bin/sh", "-c", "id -u; id -g; id -G; umask"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.split("\n")
    gid = NOBODY.pw_gid if group is None else grp.getgrnam(group).gr_gid
    groups = set(os.getgrouplist("nobody", gid))
    assert found[:2] == [str(NOBODY.pw_uid), str(gid)]
    assert set(map(int, found[2].split())) == groups
    assert found[3] == "0027"


@as_root
@pytest.mark.parametrize("tool", ["setpriv", "python"])
def test_a_number_without_an_entry_is_in_no_other_group(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    if tool == "python":
        monkeypatch.setattr(accounts, "_setpriv", lambda _path: None)
    command = [*accounts.prefix(Account("4000000001", "4000000002")), "/bin/sh", "-c", "id -u; id -G"]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.split("\n")
    assert found[:2] == ["4000000001", "4000000002"]


@as_root
def test_what_python_ignores_its_stand_in_does_not_leave_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_setpriv", lambda _path: None)
    command = [*accounts.prefix(Account("nobody")), "/bin/sh", "-c", "kill -PIPE $$"]
    assert subprocess.run(command, check=False, cwd="/").returncode == -signal.SIGPIPE


# Under supervision --------------------------------------------------------------------------------------------------


@as_root
def test_the_process_is_the_users_from_its_numbers_to_its_files(tmp_path: pathlib.Path, theirs: pathlib.Path) -> None:
    script = f"echo made > {theirs}/file; echo reopened > /dev/stdout; {WAITS}"

    async def scenario() -> None:
        stack = Stack(tmp_path, {"a": shell(script, umask="027")})
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            pid = row(manager, "a")["pid"]
            await until(manager, (theirs / "file").exists)
            found = status(pid)
            assert found["Uid"] == [str(NOBODY.pw_uid)] * 4
            assert found["Gid"] == [str(NOBODY.pw_gid)] * 4
            assert found["Groups"] == [str(group) for group in sorted(os.getgrouplist("nobody", NOBODY.pw_gid))]
            await until(manager, lambda: pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
            made = (theirs / "file").stat()
            assert (made.st_uid, made.st_mode & 0o777) == (NOBODY.pw_uid, 0o640)
            assert (tmp_path / "logs" / "a.log").stat().st_uid == os.geteuid()
        assert stack.log("a") == b"reopened\n"

    run(scenario())


@as_root
def test_it_is_stopped_with_all_that_it_forked(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"a": shell(f"sleep 1001 & setsid sleep 1002 & {WAITS}", stop={"grace": "2s"})})
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
            pids = manager.hands.incarnations.tree("a")
            report = await manager.down()
            assert report["survivors"] == []
            assert not [pid for pid in pids if lives(pid)]

    run(scenario())


@as_root
def test_exec_probes_run_as_the_same_user(tmp_path: pathlib.Path) -> None:
    probe = {"exec": ["/bin/sh", "-c", f"[ $(id -u) = {NOBODY.pw_uid} ] && [ $(umask) = 0077 ]"]}

    async def scenario() -> None:
        async with Stack(tmp_path, {"a": shell(WAITS, ready=probe, umask="077")}).managed() as manager:
            assert (await manager.up())["ok"]

    run(scenario())


@as_root
def test_a_service_of_another_user_speaks_for_itself(tmp_path: pathlib.Path) -> None:
    speaker = {"command": [interpreter(), "-S", SPEAKER, "READY=1|STATUS=as nobody"], "cwd": "/", "user": "nobody"}

    async def scenario() -> None:
        async with Stack(tmp_path, {"a": {**speaker, "ready": {"notify": True}}}).managed() as manager:
            assert (await manager.up())["ok"]
            assert row(manager, "a")["detail"] == "as nobody"
            path = manager.hands.notifications._ears["a"].way.path
            assert os.stat(path).st_uid == NOBODY.pw_uid
        assert os.path.basename(path) not in os.listdir(os.path.dirname(path))

    run(scenario())


@as_root
def test_the_listener_of_another_user_is_known_as_its_own(tmp_path: pathlib.Path) -> None:
    server = [interpreter(), "-IS", "-m", "http.server", "-b", "127.0.0.1", "${services.a.port}"]

    async def scenario() -> None:
        async with Stack(
            tmp_path, {"a": {"command": server, "cwd": "/", "user": "nobody", "port": "auto"}}
        ).managed() as manager:
            assert (await manager.up())["ok"]

    run(scenario())


def test_who_cannot_be_had_fails_alone_and_for_good(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        stack = Stack(tmp_path, {"a": shell(WAITS, user="no-such-user"), "b": shell(WAITS, user=None)})
        async with stack.managed() as manager:
            assert not (await manager.up())["ok"]
            found = row(manager, "a")
            assert (found["state"], found["reason"]) == ("failed", "config_error")
            assert found["detail"] == "there is no user no-such-user"
            assert row(manager, "b")["state"] == "ready"

    run(scenario())


def test_validate_warns_of_who_cannot_be_had(tmp_path: pathlib.Path) -> None:
    stack = Stack(tmp_path, {"a": shell(WAITS, user="no-such-user")})
    (warning,) = inspect(str(stack.path), environ={}).warnings
    assert warning.endswith("services.a.user: there is no user no-such-user")


def test_a_user_without_the_right_is_told_before_anything_starts(tmp_path: pathlib.Path) -> None:
    """The kernel's own word, in a process without the right."""
    script = (
        "import os\n"
        "from mamctl.core.manifest.account import Account\n"
        "from mamctl.runtime.accounts import complaint\n"
        "os.geteuid() == 0 and os.setuid(65534)\n"
        "print(complaint(Account('root')))"
    )
    found = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert found.stdout == "`user: root` asks for another than our own, which only root may do\n", found.stderr


@as_root
def test_held_sockets_and_a_descriptor_to_notify_on_reach_another_user(tmp_path: pathlib.Path) -> None:
    script = "[ $LISTEN_PID = $$$$ ] && echo $LISTEN_FDS sockets for $(id -un); echo >&4; exec sleep 1000"
    entry = shell(script, sockets={"http": "auto"}, ready={"notify": {"fd": 4}}, umask="077")

    async def scenario() -> None:
        stack = Stack(tmp_path, {"a": entry})
        async with stack.managed() as manager:
            assert (await manager.up())["ok"]
        assert stack.log("a") == b"1 sockets for nobody\n"

    run(scenario())
