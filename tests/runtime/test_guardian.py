"""A real guardian over scripted supervisors: what it keeps, whom it starts again, what it ends and what it never does.

Each script is run anew for every supervisor; `life` tells it which one it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mamctl.runtime.journal import read_journal
from mamctl.runtime.rebirth import boot
from tests.runtime import understudy
from tests.runtime.stack import lives
from tests.scripted import eventually

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

PRELUDE = """
import json, os, select, signal, socket, sys, time
folder = {folder!r}

def note(**facts):
    with open(folder + "/said", "a") as file:
        file.write(json.dumps(facts) + "\\n")

def lock():
    guarded.keep("lock", [os.open(folder + "/lock", os.O_RDWR | os.O_CREAT)])

def service(name, script):
    # A shell that is there once it says so.
    reads, writes = os.pipe()
    env = {{**os.environ, "MAMCTL_SERVICE": name}}
    says = [(os.POSIX_SPAWN_DUP2, writes, 1)]
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", script], env, file_actions=says, setsid=True)
    os.read(reads, 100)
    note(service=name, pid=pid)
    return pid

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def leave(code):
    guarded.leave(code)
    sys.exit()

with open(folder + "/lives", "a+") as file:
    file.write(f"{{time.monotonic()}}\\n")
    file.flush()
    file.seek(0)
    life = len(file.readlines())
"""
CALM = "echo there; exec sleep 1000"
DEAF = 'trap "" TERM; echo there; while :; do sleep 0.01; done'


class Charge:
    """A guardian's process and the folder of its scripts' notes."""

    def __init__(
        self,
        folder: pathlib.Path,
        script: str,
        *,
        allowed: int = 2,
        lease: bool = False,
        own_python: bool = False,
        missing: bool = False,
        **env: str,
    ) -> None:
        """`own_python`: all runs by a link in the folder, which may go away; `missing`: supervisors have no program."""
        self.folder = folder
        python = str(folder / "python") if own_python else sys.executable
        if own_python:
            os.symlink(os.path.realpath(sys.executable), python)
        (folder / "script.py").write_text(PRELUDE.format(folder=str(folder)) + script)
        self.lease, theirs = socket.socketpair()
        with theirs, open(folder / "log", "wb") as log:
            state = {
                "argv": [
                    "/no/such/python" if missing else python,
                    "-S",
                    understudy.__file__,
                    str(folder / "script.py"),
                ],
                "door": str(folder / "door"),
                "journal": str(folder / "journal"),
                "kept": [["lease", [theirs.fileno()], {}]] if lease else [],
                "stood": False,
                "crashes_allowed": allowed,
            }
            self.process = subprocess.Popen(
                [python, *boot()[1:], json.dumps(state)],
                stderr=log,
                env={**os.environ, **env},
                pass_fds=[theirs.fileno()] if lease else [],
            )
        self.pid = self.process.pid

    def said(self, *keys: str) -> list[Any]:
        """Return what the scripts noted that has these keys."""
        with contextlib.suppress(FileNotFoundError):
            facts = [json.loads(line) for line in (self.folder / "said").read_text().splitlines()]
            return [fact for fact in facts if fact.keys() >= set(keys)]
        return []

    def hear(self, *keys: str, count: int = 1) -> list[Any]:
        """Wait until something was noted so often."""
        eventually(lambda: len(self.said(*keys)) >= count, within=20)
        return self.said(*keys)

    def pids(self) -> dict[str, int]:
        """Return the services' pids by name."""
        return {fact["service"]: fact["pid"] for fact in self.said("service")}

    def lives(self) -> list[float]:
        """Return when each supervisor began."""
        with contextlib.suppress(FileNotFoundError):
            return [float(line) for line in (self.folder / "lives").read_text().splitlines()]
        return []

    def log(self) -> str:
        """Return what the guardian and its scripts wrote."""
        return (self.folder / "log").read_text()

    def ask(self, word: str = "status") -> dict[str, Any]:
        """Ask at its door; nothing while it is closed."""
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.folder / "door"))
            line.sendall(word.encode())
            return dict(json.loads(line.recv(4096)))
        return {}

    def gives_up(self) -> dict[str, Any]:
        """Wait until it tries no more."""
        eventually(lambda: self.ask().get("gave_up"), within=20)
        return self.ask()

    def ends(self) -> int:
        """Wait for its exit code."""
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it goes on; {self.said()}\n{self.log()}")

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        self.lease.close()
        for pid in (*self.pids().values(), *(fact["brain"] for fact in self.said("brain"))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def charges() -> Iterator[list[Charge]]:
    found: list[Charge] = []
    yield found
    for charge in found:
        charge.close()


@pytest.fixture
def guard(charges: list[Charge], tmp_path: pathlib.Path) -> Any:
    def start(script: str, **options: Any) -> Charge:
        charges.append(Charge(tmp_path, script, **options))
        return charges[-1]

    return start


# What it keeps ------------------------------------------------------------------------------------------------------


def test_what_one_supervisor_gave_it_the_next_one_takes(guard: Any) -> None:
    charge = guard(
        """
guarded.begin()
if life == 1:
    note(start=words["start"])
    reads, writes = os.pipe()
    os.write(writes, b"what waits")
    lock()
    guarded.keep("fifo/web", [reads, writes], {"grace": 3})
    guarded.keep("gone", [reads])
    guarded.drop("gone")
    guarded.keep("socket/web", [reads], {"first": True})
    guarded.keep("socket/web", [writes], {"second": True})
    guarded.say("stand")
    die()
reads, writes = guarded.take("fifo/web") if guarded.note("fifo/web") == {"grace": 3} else ()
note(start=words["start"], found=guarded.found(), note=guarded.note("socket/web"), text=os.read(reads, 100).decode())
note(again=guarded.take("fifo/web"), inherited=os.get_inheritable(reads))
leave(7)
"""
    )
    assert charge.ends() == 7
    assert [fact["start"] for fact in charge.said("start")] == ["first", "again"]
    [second] = charge.said("found")
    assert second["found"] == ["lock", "socket/web"]
    assert (second["note"], second["text"]) == ({"second": True}, "what waits")
    assert charge.said("again") == [{"again": [], "inherited": False}]
    assert not os.path.exists(charge.folder / "door")


def test_more_descriptors_than_one_message_takes_come_back_in_order(guard: Any) -> None:
    charge = guard(
        """
guarded.begin()
if life == 1:
    for number in range(250):
        reads, writes = os.pipe()
        os.write(writes, str(number).encode())
        guarded.keep(f"fifo/{number}", [reads], {"number": number})
        os.close(reads)
        os.close(writes)
    guarded.say("stand")
    die()
note(numbers=[int(os.read(guarded.take(name)[0], 10)) for name in guarded.found()])
leave(0)
"""
    )
    assert charge.ends() == 0
    assert charge.said("numbers") == [{"numbers": list(range(250))}]


def test_while_no_supervisor_lives_what_services_write_lands_in_their_logs(guard: Any, tmp_path: Any) -> None:
    (tmp_path / "web.log").write_bytes(b"before\n")
    charge = guard(
        """
guarded.begin()
if life == 3:
    note(lost=guarded.note("fifo/web")["lost"])
    leave(0)
os.path.exists(folder + "/fifo") or os.mkfifo(folder + "/fifo")
fifo = os.open(folder + "/fifo", os.O_RDWR | os.O_NONBLOCK)
lock()
if life == 1:
    guarded.keep("fifo/web", [fifo], {"logs": [{"log": folder + "/web.log", "index": folder + "/none"}]})
guarded.say("stand")
die()
"""
    )
    charge.gives_up()
    with open(tmp_path / "fifo", "wb", buffering=0) as fifo:
        fifo.writelines(b"%099d\n" % number for number in range(2000))
    expected = b"before\n" + b"".join(b"%099d\n" % number for number in range(2000))
    eventually(lambda: len((tmp_path / "web.log").read_bytes()) >= len(expected))
    assert (tmp_path / "web.log").read_bytes() == expected
    charge.ask("retry")
    assert charge.ends() == 0
    assert charge.said("lost") == [{"lost": 0}]


# Zombies ------------------------------------------------------------------------------------------------------------

REAPS = """
guarded.begin()
def dead(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"
if life == 1:
    lock()
    ends = {"three": "read x; exit 3", "killed": "kill -9 $$", "calm": "exec sleep 1000"}
    note(pids=[service(name, "echo there; " + script) for name, script in ends.items()])
    guarded.say("stand")
    die()
"""


def test_it_tells_how_those_ended_who_became_its_children(guard: Any) -> None:
    charge = guard(
        REAPS
        + """
with open(folder + "/said") as file:
    three, killed, calm = next(json.loads(line)["pids"] for line in file if "pids" in line)
while not (dead(three) and dead(killed)):
    time.sleep(0.001)
note(statuses=[guarded.reap(pid) for pid in (three, killed, calm, three)])
guarded.reap_others([])
leave(0)
"""
    )
    assert charge.ends() == 0
    assert charge.said("statuses") == [{"statuses": [3 << 8, signal.SIGKILL, None, None]}]


def test_how_those_end_while_it_has_given_up_is_told_to_whom_is_started_after_all(guard: Any) -> None:
    charge = guard(
        REAPS.replace("read x;", "while ! [ -e $GO ]; do sleep 0.01; done;")
        + """
if life == 2:
    guarded.say("stand")
    die()
with open(folder + "/said") as file:
    pids = next(json.loads(line)["pids"] for line in file if "pids" in line)
note(statuses=[guarded.reap(pid) for pid in pids])
leave(0)
""",
        GO="/dev/null/go",
    )
    charge.gives_up()
    three, killed, calm = charge.said("pids")[0]["pids"]
    os.kill(three, signal.SIGTERM)
    eventually(lambda: not os.path.exists(f"/proc/{three}") and not os.path.exists(f"/proc/{killed}"))
    charge.ask("retry")
    assert charge.ends() == 0
    assert charge.said("statuses") == [{"statuses": [signal.SIGTERM, signal.SIGKILL, None]}]
    assert lives(calm)


# Who is started again, and who not ----------------------------------------------------------------------------------

CRASHES = "guarded.begin()\nlock()\nguarded.say('stand')\ndie()\n"


@pytest.mark.slow
def test_after_five_crashes_within_a_minute_it_gives_up_and_says_so(guard: Any) -> None:
    charge = guard(CRASHES, allowed=5)
    found = charge.gives_up()
    assert (found["guardian"], found["brain"], found["crashes"]) == (charge.pid, None, 5)
    began = charge.lives()
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert len(began) == 5
    assert all(pause >= least for pause, least in zip(pauses, (0.0, 0.1, 0.2, 0.4), strict=True))
    assert "crashed 5 times within a minute and is not started again; the services go on alone" in charge.log()


def test_who_asks_for_another_try_gets_one(guard: Any) -> None:
    charge = guard("if life > 2:\n    guarded.begin()\n    leave(9)\n" + CRASHES)
    assert charge.gives_up()["crashes"] == 2
    assert charge.ask("retry")["gave_up"]
    assert charge.ends() == 9


def test_one_that_gave_up_leaves_services_alone_except_those_that_are_not_to_outlive_a_supervisor(guard: Any) -> None:
    charge = guard(
        f"""
guarded.begin()
if life == 1:
    lock()
    control = socket.socket(socket.AF_UNIX)
    control.bind(folder + "/control")
    guarded.keep("control", [control.fileno()], {{"path": folder + "/control"}})
    tcp = socket.create_server(("127.0.0.1", 0))
    guarded.keep("control-tcp", [tcp.fileno()], {{}})
    note(tcp=tcp.getsockname()[1])
    reads, writes = os.pipe()
    guarded.keep("fifo/mortal", [reads], {{"death": "stop", "grace": 5}})
    guarded.keep("fifo/calm", [writes], {{"grace": 5}})
    service("calm", {CALM!r}), service("mortal", {CALM!r})
guarded.say("stand")
die()
"""
    )
    charge.gives_up()
    assert lives(charge.pids()["calm"])
    assert not lives(charge.pids()["mortal"])
    # Clients are not to wait for somebody who never comes.
    assert not os.path.exists(charge.folder / "control")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", charge.said("tcp")[0]["tcp"]), 5)


def test_one_that_ends_before_it_stood_is_not_started_again(guard: Any) -> None:
    charge = guard("guarded.begin()\nlock()\ndie()\n")
    assert charge.ends() == 1
    assert len(charge.lives()) == 1
    assert read_journal(str(charge.folder / "journal")) == []


def test_garbage_ends_the_supervisor_that_said_it_and_nobody_else(guard: Any) -> None:
    charge = guard(
        f"""
guarded.begin()
if life == 1:
    lock()
    note(brain=os.getpid())
    service("calm", {CALM!r})
    guarded.say("stand")
    guarded.reap(1)  # it has heard all that by now
    os.write(guarded.fileno(), b"nonsense\\n")
    time.sleep(1000)
leave(3)
"""
    )
    assert charge.ends() == 3
    assert not lives(charge.said("brain")[0]["brain"])
    assert lives(charge.pids()["calm"])
    assert "the supervisor made no sense: JSONDecodeError" in charge.log()


@pytest.mark.parametrize(
    "said",
    ['{"do": "keep", "fds": 3}', '{"do": "reap", "fds": 0}', '{"do": 7, "name": []', "[]", '{"fds": "x"}', "\x00"],
)
def test_any_garbage_at_all(guard: Any, said: str) -> None:
    script = f"""
guarded.begin()
if life == 2:
    leave(3)
lock()
guarded.say("stand")
guarded.reap(1)
os.write(guarded.fileno(), {said!r}.encode() + b"\\n")
time.sleep(1000)
"""
    assert guard(script).ends() == 3


# Signals ------------------------------------------------------------------------------------------------------------


def test_signals_reach_the_supervisor_whose_code_is_the_guardians(guard: Any) -> None:
    charge = guard(
        """
heard = []
reads, writes = os.pipe()
os.set_blocking(writes, False)
signal.set_wakeup_fd(writes)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: heard.append(int(number)))
guarded.begin()
guarded.say("stand")
note(ready=True)
while len(heard) < 3:
    os.read(reads, 1)
    note(heard=heard)
leave(5)
"""
    )
    charge.hear("ready")
    for count, number in enumerate((signal.SIGHUP, signal.SIGINT, signal.SIGTERM), 1):
        os.kill(charge.pid, number)
        eventually(lambda count=count: len((charge.said("heard") or [{"heard": []}])[-1]["heard"]) == count)
    assert charge.ends() == 5
    assert charge.said("heard")[-1]["heard"] == [1, 2, 15]


def test_without_a_supervisor_a_signal_ends_everything(guard: Any) -> None:
    charge = guard(
        f"guarded.begin()\nif life == 1:\n    service('calm', {CALM!r})\n" + CRASHES.removeprefix("guarded.begin()\n")
    )
    charge.gives_up()
    os.kill(charge.pid, signal.SIGTERM)
    assert charge.ends() == 128 + signal.SIGTERM
    assert not lives(charge.pids()["calm"])
    assert [record["type"] for record in read_journal(str(charge.folder / "journal"))] == ["down"]


# A lease ------------------------------------------------------------------------------------------------------------


def test_under_a_lease_a_lost_supervisor_is_the_end_of_each_service_in_its_own_way(guard: Any) -> None:
    charge = guard(
        f"""
guarded.begin()
lock()
guarded.keep("fifo/usr1", [0], {{"signal": int(signal.SIGUSR1), "grace": 20}})
guarded.keep("fifo/deaf", [0], {{"grace": 0.1}})
service("usr1", 'trap "touch ' + folder + '/asked; exit" USR1; trap "" TERM; echo there; while :; do sleep 0.01; done')
service("deaf", {DEAF!r})
service("unknown", {CALM!r})
guarded.say("stand")
die()
""",
        lease=True,
    )
    assert charge.ends() == 1
    assert len(charge.lives()) == 1
    assert not any(map(lives, charge.pids().values()))
    assert os.path.exists(charge.folder / "asked")
    assert [record["type"] for record in read_journal(str(charge.folder / "journal"))] == ["down"]
    assert "the supervisor was lost: everything is stopped" in charge.log()


def test_what_is_to_outlive_even_that_lives_and_the_journal_does_not_say_that_all_is_down(guard: Any) -> None:
    charge = guard(
        f"""
guarded.begin()
lock()
guarded.keep("fifo/calm", [0], {{"death": "keep"}})
service("calm", {CALM!r})
guarded.say("stand")
die()
""",
        lease=True,
    )
    assert charge.ends() == 1
    assert lives(charge.pids()["calm"])
    assert read_journal(str(charge.folder / "journal")) == []


# Succession ---------------------------------------------------------------------------------------------------------


def test_a_successor_takes_over_under_a_guardian_that_renewed_itself(guard: Any) -> None:
    charge = guard(
        """
if words["start"] == "first":
    guarded.begin()
    lock()
    guarded.keep("socket/web", [0], {"kept": 1})
    guarded.say("stand")
    guarded.say("succeed")
    note(let_go=guarded.wait_for("let go"))
    guarded.leave(None, hands_over=True)
    os._exit(0)
guarded.say("ready")
note(yours=guarded.wait_for("yours"))
guarded.begin()
note(found=guarded.found(), parent=os.getppid(), start=words["start"])
leave(4)
"""
    )
    assert charge.ends() == 4
    assert charge.said("let_go") == [{"let_go": True}]
    assert charge.said("yours") == [{"yours": True}]
    assert charge.said("found") == [{"found": ["lock", "socket/web"], "parent": charge.pid, "start": "successor"}]


def test_a_successor_that_is_not_ready_leaves_the_old_one_in_its_place(guard: Any) -> None:
    charge = guard(
        """
if words["start"] == "successor":
    sys.exit(1)
guarded.begin()
lock()
guarded.say("stand")
guarded.say("succeed")
note(failed=guarded.wait_for("failed"))
leave(4)
"""
    )
    assert charge.ends() == 4
    assert charge.said("failed") == [{"failed": True}]
    assert len(charge.lives()) == 2


def test_an_installation_that_is_gone_costs_neither_supervisor_nor_guardian(guard: Any) -> None:
    charge = guard(
        """
guarded.begin()
lock()
guarded.say("stand")
if life == 1:
    note(brain=os.getpid())
    while not os.path.exists(folder + "/gone"):
        time.sleep(0.01)
    guarded.say("succeed")
    note(failed=guarded.wait_for("failed"))
    die()
note(again=True)
leave(4)
""",
        own_python=True,
    )
    charge.hear("brain")
    (charge.folder / "python").rename(charge.folder / "gone")
    assert charge.hear("failed") == [{"failed": True}]
    eventually(lambda: "no supervisor can be started" in charge.log(), within=20)
    (charge.folder / "gone").rename(charge.folder / "python")
    assert charge.ends() == 4
    assert len(charge.lives()) == 2


def test_one_whose_first_supervisor_cannot_be_started_ends(guard: Any) -> None:
    charge = guard("", missing=True)
    assert charge.ends() == 1
    assert "no supervisor can be started" in charge.log()


def test_a_successor_rules_when_the_old_one_dies_meanwhile(guard: Any) -> None:
    charge = guard(
        """
if words["start"] == "first":
    guarded.begin()
    lock()
    guarded.say("stand")
    guarded.say("succeed")
    guarded.wait_for("let go")
    die()
guarded.say("ready")
guarded.wait_for("yours")
guarded.begin()
leave(4 if "lock" in guarded.found() else 5)
"""
    )
    assert charge.ends() == 4


# The service manager above ------------------------------------------------------------------------------------------


def test_systemd_hears_that_it_is_ready_and_services_hear_nothing_of_systemd(guard: Any, tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
        above.bind(str(tmp_path / "notify"))
        above.settimeout(20)
        facts = 'note(unit=words["unit"], env="NOTIFY_SOCKET" in os.environ)'
        charge = guard(
            f"guarded.begin()\nguarded.say('stand')\n{facts}\nleave(0)\n", NOTIFY_SOCKET=str(tmp_path / "notify")
        )
        assert above.recv(100) == b"READY=1"
        assert charge.ends() == 0
    assert charge.said("unit") == [{"unit": True, "env": False}]


LIVES_AND_STOPS = "guarded.say('alive'); os.kill(os.getpid(), 19)"


def test_a_supervisor_that_does_not_answer_is_ended_and_started_again(guard: Any, tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
        above.bind(str(tmp_path / "notify"))
        script = "guarded.begin()\nif life > 1:\n    leave(0)\n" + CRASHES.replace("die()", LIVES_AND_STOPS)
        charge = guard(script, allowed=50, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        assert charge.ends() == 0
    assert "the supervisor does not answer: it is ended and started again" in charge.log()


# What it is made of -------------------------------------------------------------------------------------------------


def test_it_stays_small(guard: Any) -> None:
    charge = guard(CRASHES)
    charge.gives_up()
    with open(f"/proc/{charge.pid}/status") as file:
        [line] = [line for line in file if line.startswith("VmRSS")]
    assert int(line.split()[1]) <= 12 * 1024


def test_it_is_made_of_the_standard_library_and_little_of_our_own() -> None:
    program = (
        "import sys; sys.path.append(sys.argv[1]); from mamctl.runtime import guardian, rebirth;"
        "print(*(name for name in sys.modules if name not in sys.builtin_module_names))"
    )
    command = [sys.executable, "-I", "-S", "-c", program, boot()[-1]]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("mamctl")}
    parts = (
        "guardian",
        "brain",
        "drain",
        "entrance",
        "kin",
        "logs",
        "logs.hole",
        "rebirth",
        "relay",
        "systemd",
        "vault",
        "wire",
    )
    assert ours == {"mamctl", "mamctl.version", "mamctl.runtime", *(f"mamctl.runtime.{part}" for part in parts)}
    others = {name.partition(".")[0] for name in loaded} - {"mamctl", "__main__"}
    assert others <= sys.stdlib_module_names
