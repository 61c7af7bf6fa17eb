"""The guardian: a small process that lives so that services need not die with their supervisor.

    guardian        parent of the brain; whoever loses his parent below becomes its child (subreaper)
      └─ brain      the supervisor proper (`mamctl.cli.supervise`): may be killed, and may be replaced, at any moment
           └─ services

What must outlive a brain is kept here: the services' FIFOs, their sockets, the lock, the control socket. While no
brain is in charge, what services write is spliced from FIFO to log here. A brain that is lost is started again, later
and later; after five within a minute no more, and the services go on alone. Under a lease (a terminal's `up`) a lost
brain means the end: everything is stopped instead.

Brain and guardian talk in lines of JSON over a socket pair, descriptors beside them (`Wire`):

    keep, drop          descriptors under names; a `sync` is answered, so that never too many are under way
    take                all that is kept, some hundred descriptors at a time; from then on the brain is in charge
    reap, reap_others   zombies that became the guardian's children wait for the brain's word
    stand, alive        it serves; it is well (both are passed on to systemd)
    leave               it ends in order, with an exit code; or hands over to its successor (`succeed`, `ready`)

Only the standard library, and little of it: this must start at once, stay small, and have nothing to die of.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from zlib import crc32

from mamctl.runtime.kin import descendants, signal_one, table
from mamctl.runtime.rebirth import become, boot, say
from mamctl.runtime.systemd import Systemd
from mamctl.runtime.vault import Vault
from mamctl.runtime.wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mamctl.runtime.wire import Message

PR_SET_CHILD_SUBREAPER = 36
MINUTE = 60.0
SUCCESSOR_SECONDS = 60.0
KILL_SECONDS = 2.0
GRACE_SECONDS = 10.0
PAUSE = 0.002
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
RECORDED = 4096
# As `journal` writes it; what is before may end with a torn line.
DOWN = b'\n{"sum": "%08x", "type": "down"}\n' % crc32(b'{"type": "down"}')


class Brain:
    """A supervisor's process and the line to it. `code`: what it said that it ends with; `heard`: when it was well."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self.wire = Wire(end)
        self.stands = self.ready = self.hands_over = False
        self.code: int | None = None
        self.since = self.heard = time.monotonic()

    def tell(self, said: str) -> None:
        """Say a word; one that is dead does not hear it, which is noticed elsewhere."""
        with contextlib.suppress(OSError):
            self.wire.send({"said": said})

    def bury(self) -> None:
        """End what may be left of it, and collect it."""
        self.wire.socket.close()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class Guardian:
    """Keeps descriptors by name, and a brain alive. `state` is what the starter, or an earlier guardian, knew."""

    def __init__(self, state: Message) -> None:
        self._state = state
        self._vault = Vault(state["kept"])
        self._crashes: deque[float] = deque(state.get("crashes", ()))
        self._statuses: dict[int, int] = {int(pid): status for pid, status in state.get("statuses", {}).items()}
        self._brain = self._successor = None  # type: Brain | None
        self._again_at: float | None = None
        self._ears = select.poll()
        self._hears: dict[int, Callable[[], None]] = {}
        self._wanted: list[int] = []
        self._end_code: int | None = None
        self._systemd = Systemd(os.environ)

    # Waiting and hearing -----------------------------------------------------------------------------------------

    def run(self) -> int:
        """Keep until a brain leaves in order, or all is over; return the exit code."""
        self._listen()
        if self._state.get("brain"):
            self._brain = self._meet(*self._state.pop("brain"))
            self._successor = self._start("successor")
        else:
            self._again_at = 0.0
        while self._end_code is None:
            self._tend(time.monotonic())
            for fd, _ in self._ears.poll(self._patience()):
                if hear := self._hears.get(fd):
                    hear()
            if self._vault.drains:
                self._vault.move()
                time.sleep(PAUSE)
        with contextlib.suppress(OSError):
            os.unlink(self._state["door"])
        return self._end_code

    def _patience(self) -> float | None:
        """Milliseconds until something is to be looked at again."""
        due = [1.0] if self._gave_up or self._successor else []
        if self._again_at is not None:
            due.append(self._again_at - time.monotonic())
        if self._systemd.watchdog:
            due.append(self._systemd.watchdog / 3)
        return max(0.0, min(due)) * 1000 if due else None

    def _listen(self) -> None:
        door = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._state["door"])
        before = os.umask(0o177)
        door.bind(self._state["door"])
        os.umask(before)
        door.listen(8)
        self._hear_from(door.fileno(), lambda: self._answer(door))
        ours, theirs = socket.socketpair()
        os.set_blocking(theirs.fileno(), False)
        signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
        self._hear_from(ours.fileno(), lambda: self._signalled(ours))
        for number in FORWARDED:
            signal.signal(number, lambda number, _frame: self._wanted.append(number))

    def _hear_from(self, fd: int, hear: Callable[[], None]) -> None:
        self._ears.register(fd, select.POLLIN)
        self._hears[fd] = hear

    def _forget(self, fd: int) -> None:
        self._ears.unregister(fd)
        del self._hears[fd]

    def _signalled(self, wakes: socket.socket) -> None:
        wakes.recv(4096)
        while self._wanted:
            number = self._wanted.pop(0)
            if self._brain:
                os.kill(self._brain.pid, number)
            else:
                self._finish(128 + number)

    def _answer(self, door: socket.socket) -> None:
        """Tell who asks how it stands; `retry` starts a brain again after all."""
        guest, _ = door.accept()
        with guest, contextlib.suppress(OSError):
            guest.settimeout(1.0)
            if guest.recv(64).strip() == b"retry" and self._gave_up:
                self._crashes.clear()
                self._again_at = 0.0
            brain = self._brain.pid if self._brain else None
            known = {"guardian": os.getpid(), "brain": brain, "crashes": len(self._crashes), "gave_up": self._gave_up}
            guest.sendall(json.dumps(known).encode())

    # Brains ------------------------------------------------------------------------------------------------------

    def _start(self, kind: str) -> Brain:
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        lasting = {name: self._state[name] for name in ("open_files", "crashes_allowed")}
        words = {"start": kind, "guardian": theirs.fileno(), **lasting, **self._systemd.words}
        argv = [*self._state["argv"], json.dumps(words)]
        with theirs:
            pid = os.posix_spawn(argv[0], argv, self._systemd.environ, setsigmask=(), setsigdef=FORWARDED)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, tuple(self._state["open_files"]))
        return self._meet(pid, ours.detach())

    def _meet(self, pid: int, fd: int) -> Brain:
        brain = Brain(pid, socket.socket(fileno=fd))
        self._hear_from(fd, lambda: self._listen_to(brain))
        return brain

    def _listen_to(self, brain: Brain) -> None:
        try:
            messages = brain.wire.receive()
            for message, descriptors in messages or ():
                self._obey(brain, message, descriptors)
        except Exception as error:  # noqa: BLE001 - whatever a brain that went mad says, its services shall live
            say(f"the supervisor made no sense: {error!r}")
            messages = None
        if messages is None:
            self._lose(brain)

    def _lose(self, brain: Brain) -> None:
        self._forget(brain.wire.socket.fileno())
        brain.bury()
        if brain is self._successor:
            self._successor = None
            if self._brain:
                self._brain.tell("failed")
                return
        else:
            self._brain = None
            for fifo in self._vault.drain():
                self._hear_from(fifo, self._vault.move)
        if brain.code is not None:
            if self._successor:
                self._successor.bury()
            self._end_code = brain.code
        elif not self._state["stood"] or ("lease" in self._vault.kept and not brain.hands_over):
            say("the supervisor was lost: everything is stopped")
            self._finish(1)
        elif self._successor:
            self._crown()
        else:
            self._crash(time.monotonic())

    def _crash(self, now: float) -> None:
        while self._crashes and self._crashes[0] < now - MINUTE:
            self._crashes.popleft()
        self._crashes.append(now)
        count = len(self._crashes)
        if count < self._state["crashes_allowed"]:
            self._again_at = now + (0.1 * 2 ** min(count - 2, 2) if count > 1 else 0.0)
            return
        say(f"the supervisor crashed {count} times within a minute and is not started again; the services go on alone")
        if control := self._vault.kept.get("control"):
            with contextlib.suppress(OSError):
                os.unlink(control[1]["path"])
            self._vault.drop("control")
        self._stop(lambda note: note.get("death") == "stop")

    @property
    def _gave_up(self) -> bool:
        return self._brain is None and self._successor is None and self._again_at is None

    def _crown(self) -> None:
        """Let the successor rule, once it is ready and nobody else does."""
        if self._successor and self._successor.ready and not self._brain:
            self._brain, self._successor = self._successor, None
            self._brain.tell("yours")

    def _tend(self, now: float) -> None:
        """Do what is due by time."""
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            self._brain = self._start("again" if self._state["stood"] else "first")
        if self._successor and now > self._successor.since + SUCCESSOR_SECONDS:
            self._lose(self._successor)
        if self._gave_up:
            self._reap(())
        self._systemd.tend(now)
        if self._brain and now - self._brain.heard > (self._systemd.watchdog or now):
            say("the supervisor does not answer: it is ended and started again")
            self._lose(self._brain)

    def _obey(self, brain: Brain, message: Message, descriptors: list[int]) -> None:  # noqa: C901 - the protocol's list
        match message["do"]:
            case "keep":
                self._vault.keep(message["name"], descriptors, message["note"])
            case "drop":
                self._vault.drop(message["name"])
            case "sync":
                brain.wire.send({"said": "synced", "ask": message["ask"]})
            case "take":
                self._give(brain, message)
            case "reap":
                brain.wire.send({"said": "status", "ask": message["ask"], "status": self._status(message["pid"])})
            case "reap_others":
                self._reap(message["pids"])
            case "stand":
                self._state["stood"] = True
                self._systemd.say("READY=1")
            case "alive":
                brain.heard = time.monotonic()
            case "leave":
                brain.code, brain.hands_over = message["code"], message["hands_over"]
            case "ready":
                brain.ready = True
                self._brain.tell("let go") if self._brain else self._crown()
            case "succeed":
                self._renew()

    # Processes ---------------------------------------------------------------------------------------------------

    def _give(self, brain: Brain, message: Message) -> None:
        """Hand over a part of what is kept; whoever asks for it is in charge of the output from then on."""
        for fd in self._vault.drains:
            self._forget(fd)
        self._vault.rest()
        page, descriptors = self._vault.page(message["after"])
        brain.wire.send({"said": "kept", "ask": message["ask"], **page}, descriptors)

    def _status(self, pid: int) -> int | None:
        if pid in self._statuses:
            return self._statuses.pop(pid)
        with contextlib.suppress(ChildProcessError):
            found, status = os.waitpid(pid, os.WNOHANG)
            return status if found else None
        return None

    def _reap(self, wanted: Iterable[int]) -> None:
        """Collect every zombie of ours but these and the brains; remember how it ended."""
        spared = {*wanted, *(brain.pid for brain in (self._brain, self._successor) if brain)}
        for pid, (parent, state) in table().items():
            if parent == os.getpid() and state == "Z" and pid not in spared:
                with contextlib.suppress(ChildProcessError):
                    self._statuses.setdefault(pid, os.waitpid(pid, 0)[1])
        while len(self._statuses) > RECORDED:
            del self._statuses[next(iter(self._statuses))]

    # The end -----------------------------------------------------------------------------------------------------

    def _finish(self, code: int) -> None:
        """End everything, and note in the journal that it was ended."""
        self._stop(lambda note: note.get("death") != "keep")
        with contextlib.suppress(OSError), open(self._state["journal"], "ab") as journal:
            journal.write(b"" if descendants() else DOWN)
        self._end_code = code

    def _stop(self, chosen: Callable[[Message], bool]) -> None:
        """End services, each with its own signal and grace, then KILL; wait until nothing is left of them."""
        began = time.monotonic()
        told: set[int] = set()
        while left := [(pid, note) for pid in descendants() if chosen(note := self._note(pid))]:
            elapsed = time.monotonic() - began
            if elapsed > KILL_SECONDS + max(note.get("grace", GRACE_SECONDS) for _, note in left):
                say(f"could not be ended: {', '.join(str(pid) for pid, _ in left)}")
                return
            for pid, note in left:
                late = elapsed >= note.get("grace", GRACE_SECONDS)
                if late or pid not in told:
                    told.add(pid)
                    signal_one(pid, signal.SIGKILL if late else note.get("signal", signal.SIGTERM))
            self._vault.move()
            self._reap(())
            time.sleep(0.01)

    def _note(self, pid: int) -> Message:
        """Return what is known of the service that a process belongs to, by the marker in its environment."""
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(b"MAMCTL_SERVICE="):
                    return self._vault.note_of(entry[15:].decode())
        return {}

    def _renew(self) -> None:
        """Become the guardian that is installed now, if it starts at all; it starts the successor."""
        check = os.posix_spawn(sys.executable, [*boot(), "check"], os.environ)
        if os.waitpid(check, 0)[1] == 0 and self._brain:
            brain = [self._brain.pid, self._brain.wire.socket.fileno()]
            state = {**self._state, "kept": self._vault.estate(), "brain": brain, "statuses": self._statuses}
            become({**state, "crashes": list(self._crashes)})
        say("the installed guardian does not start: nothing was replaced")
        if self._brain:
            self._brain.tell("failed")


def main() -> None:
    """Be a guardian, until all is over; exit as the last supervisor did."""
    if sys.argv[2] == "check":
        return
    if sys.argv[2].isdigit():
        with open(int(sys.argv[2]), "rb") as memory:
            memory.seek(0)
            state = json.load(memory)
    else:
        state = json.loads(sys.argv[2])
    for fd in [fd for _, fds, _ in state["kept"] for fd in fds] + (state.get("brain") or [])[1:]:
        os.set_inheritable(fd, False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    state.setdefault("open_files", [soft, hard])
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    guardian = Guardian(state)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    sys.exit(guardian.run())
