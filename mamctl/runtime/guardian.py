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

import _socket
import contextlib
import os
import select
import signal
import time
from collections import deque

from mamctl.runtime.brain import FORWARDED, Brain, started
from mamctl.runtime.entrance import Entrance
from mamctl.runtime.kin import Children, family, marker
from mamctl.runtime.rebirth import become, boot, note_down, say
from mamctl.runtime.systemd import Systemd
from mamctl.runtime.vault import Vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.runtime.wire import Message

MINUTE = 60.0
SUCCESSOR_SECONDS = 60.0
AGAIN_SECONDS = 1.0
PAUSE = 0.002


class Guardian:
    """Keeps descriptors by name, and a brain alive. `state` is what the starter, or an earlier guardian, knew."""

    def __init__(self, state: Message) -> None:
        self._state = state
        self._vault = Vault(state["kept"])
        self._crashes: deque[float] = deque(state.get("crashes", ()))
        self._children = Children(state.get("statuses", {}))
        self._brain = self._successor = None  # type: Brain | None
        self._again_at: float | None = None
        self._ears = select.poll()
        self._hears: dict[int, Callable[[], object]] = {}
        self._wanted: list[int] = []
        self._end_code: int | None = None
        self._systemd = Systemd(os.environ)
        self._entrance = Entrance(state["door"])

    # Waiting and hearing -----------------------------------------------------------------------------------------

    def run(self) -> int:
        """Keep until a brain leaves in order, or all is over; return the exit code."""
        self._listen()
        if self._state.get("brain"):
            self._brain = self._meet(Brain(*self._state.pop("brain")))
            self._successor = self._start("successor")
            if self._successor is None:
                self._brain.tell("failed")
        else:
            self._again_at = 0.0
        while self._end_code is None:
            self._tend(time.monotonic())
            for fd, _ in self._ears.poll(self._patience()):
                if hear := self._hears.get(fd):
                    hear()
            if self._vault.drains:
                time.sleep(PAUSE)  # a little at a time costs eight times as much as a little later
        self._entrance.shut()
        return self._end_code

    def _patience(self) -> float:
        """Milliseconds until something is to be looked at again."""
        due = [self._systemd.watchdog / 3 or 3600.0, 1.0 if self._gave_up or self._successor else 3600.0]
        if self._again_at is not None:
            due.append(self._again_at - time.monotonic())
        return max(0.0, min(due)) * 1000

    def _listen(self) -> None:
        self._open()
        ours, theirs = _socket.socketpair()
        os.set_blocking(theirs.fileno(), False)
        signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
        self._hear_from(ours.fileno(), lambda: self._signalled(ours))
        for number in FORWARDED:
            signal.signal(number, lambda number, _frame: self._wanted.append(number))

    @property
    def _owns(self) -> bool:
        """Whether a brain of ours took the home: one that lost a race for it never did."""
        return "lock" in self._vault.kept

    def _open(self) -> None:
        if self._owns and (door := self._entrance.open()):
            self._hear_from(door.fileno(), self._answer)

    def _hear_from(self, fd: int, hear: Callable[[], object]) -> None:
        self._ears.register(fd, select.POLLIN)
        self._hears[fd] = hear

    def _forget(self, fd: int) -> None:
        self._ears.unregister(fd)
        del self._hears[fd]

    def _signalled(self, wakes: _socket.socket) -> None:
        wakes.recv(4096)
        while self._wanted:
            number = self._wanted.pop(0)
            if self._brain:
                os.kill(self._brain.pid, number)
            else:
                self._finish(128 + number)

    def _answer(self) -> None:
        """Tell who asks how it stands; `retry` starts a brain again after all."""
        brain = self._brain.pid if self._brain else None
        known = {"guardian": os.getpid(), "brain": brain, "crashes": len(self._crashes), "gave_up": self._gave_up}
        if self._entrance.answer(known) == b"retry" and self._gave_up:
            self._crashes.clear()
            self._again_at = 0.0

    # Brains ------------------------------------------------------------------------------------------------------

    def _start(self, kind: str) -> Brain | None:
        lasting = {name: self._state[name] for name in ("open_files", "crashes_allowed")}
        words = {"start": kind, **lasting, **self._systemd.words}
        try:
            brain = started(self._state["argv"], words, self._systemd.environ)
        except OSError as error:
            say(f"no supervisor can be started: {error}")
            return None
        return self._meet(brain)

    def _meet(self, brain: Brain) -> Brain:
        self._hear_from(brain.wire.socket.fileno(), lambda: self._listen_to(brain))
        return brain

    def _listen_to(self, brain: Brain) -> None:
        try:
            messages = brain.wire.receive()
            for message, descriptors in sorted(messages or (), key=lambda one: one[0]["do"] == "succeed"):
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
            for fifo, move in self._vault.drain().items():
                self._hear_from(fifo, move)
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
        with contextlib.suppress(OSError, KeyError):
            os.unlink(self._vault.note("control")["path"])
        for listener in ("control", "control-tcp"):
            self._vault.drop(listener)  # nobody would answer who connects
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
            self._brain = self._start("again" if self._state["stood"] else "first")
            # No service is to pay for a full process table, or for an installation that is just being renewed.
            self._again_at = None if self._brain else now + AGAIN_SECONDS
            self._end_code = None if self._brain or self._state["stood"] else 1
        if self._successor and now > self._successor.since + SUCCESSOR_SECONDS:
            self._lose(self._successor)
        if self._gave_up:
            self._children.reap(())
        self._systemd.tend(now)
        if self._brain and self._brain.beats and now - self._brain.heard > self._systemd.watchdog:
            say("the supervisor does not answer: it is ended and started again")
            self._lose(self._brain)

    def _obey(self, brain: Brain, message: Message, descriptors: list[int]) -> None:  # noqa: C901 - the protocol's list
        match message["do"]:
            case "keep":
                self._vault.keep(message["name"], descriptors, message["note"])
                self._open()
            case "drop":
                self._vault.drop(message["name"])
            case "sync":
                brain.answer({"said": "synced", "ask": message["ask"]})
            case "take":
                self._give(brain, message)
            case "reap":
                brain.answer({"said": "status", "ask": message["ask"], "status": self._children.status(message["pid"])})
            case "reap_others":
                self._children.reap([*message["pids"], *self._pids()])
            case "stand":
                self._state["stood"] = True
                self._systemd.say("READY=1")
            case "alive":
                brain.heard, brain.beats = time.monotonic(), True
            case "leave":
                brain.code, brain.hands_over = message["code"], message["hands_over"]
            case "ready":
                brain.ready = True
                self._brain.tell("let go") if self._brain else self._crown()
            case "succeed":
                self._renew()

    def _pids(self) -> list[int]:
        return [brain.pid for brain in (self._brain, self._successor) if brain]

    def _give(self, brain: Brain, message: Message) -> None:
        """Hand over a part of what is kept; whoever asks for it is in charge of the output from then on."""
        for fd in self._vault.drains:
            self._forget(fd)
        self._vault.rest()
        page, descriptors = self._vault.page(message["after"])
        brain.answer({"said": "kept", "ask": message["ask"], **page}, descriptors)

    @property
    def _tag(self) -> str:
        """What our home's services bear, adopted ones (not below us) too: ours to end once a supervisor stood."""
        return str(self._state.get("tag", "")) if self._owns and self._state["stood"] else ""

    def _finish(self, code: int) -> None:
        """End everything, and note in the journal that it was ended."""
        self._stop(lambda note: note.get("death") != "keep")
        if self._owns and self._state["stood"] and not family(self._tag):
            note_down(self._state["journal"])
        self._end_code = code

    def _stop(self, chosen: Callable[[Message], bool]) -> None:
        def note(pid: int) -> Message:
            return self._vault.note(f"fifo/{marker(pid)}")

        if left := self._children.stop(note, chosen, self._vault.move, tag=self._tag):
            say(f"could not be ended: {', '.join(map(str, left))}")

    def _renew(self) -> None:
        """Become the guardian that is installed now, if it starts at all. What was heard and not done is forgotten."""
        if self._brain and self._children.succeeds([*boot(), "check"]):
            brain = [self._brain.pid, self._brain.wire.socket.fileno()]
            state = {**self._state, "kept": self._vault.estate(), "brain": brain, "statuses": self._children.statuses}
            become({**state, "crashes": list(self._crashes)})
        say("the installed guardian does not start: nothing was replaced")
        if self._brain:
            self._brain.tell("failed")
