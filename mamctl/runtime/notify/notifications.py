"""Who listens to the services that speak for themselves: one socket or pipe for each incarnation.

It is made before the spawn (a fast READY=1 must not be lost), given to custody so that it outlives us, and ended with
its incarnation; so nothing that is said late counts for the next one. A letter counts if its sender is our own user,
root or the user of the service, and one of the service's processes; one that has ended since cannot be looked up any
more and is believed.

A turn of the loop takes only so many letters, so a service that never stops talking holds nobody else up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.events import Notified, Said
from mamctl.core.manifest.model import NotifyProbe
from mamctl.core.states import Reason
from mamctl.runtime.accounts import uid_of
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.notify.address import shared_path, socket_path
from mamctl.runtime.notify.mailbox import Mailbox
from mamctl.runtime.notify.membership import is_of
from mamctl.runtime.notify.message import LARGEST, NOTHING, parse
from mamctl.runtime.notify.readyline import Heard, ReadyLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.incarnation import Incarnation
    from mamctl.runtime.notify.mailbox import Letter

logger = logging.getLogger("mamctl")
LETTERS_IN_A_TURN: Final = 64


class Outfit(NamedTuple):
    """What a process needs to speak: variables; descriptors by their number there, ours to close after the spawn."""

    env: Mapping[str, str] = {}
    descriptors: Mapping[int, int] = {}


class Ear(NamedTuple):
    """What one incarnation is heard by. `complained`: what was refused of it, so that each is told only once."""

    generation: int
    way: Mailbox | ReadyLine
    complained: set[str]


class Notifications:
    """Hears all services. Use inside a running loop.

    `folder` holds the sockets; `alive` are the incarnations that run; `post` takes what is heard.
    """

    def __init__(
        self,
        folder: str,
        *,
        custody: Custody,
        alive: Callable[[], Mapping[str, Incarnation]],
        post: Callable[[Notified], None],
        environ: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._custody = custody
        self._alive = alive
        self._post = post
        self._environ = environ
        self._loop = asyncio.get_running_loop()
        self._ears: dict[str, Ear] = {}

    def open(self, spec: ServiceSpec, generation: int) -> Outfit:
        """Be ready to hear a new incarnation, and say what it needs. Raises LaunchError."""
        check = _check(spec)
        if check is None:
            return Outfit()
        self.close(spec.name)
        try:
            if check.fd is not None:
                return Outfit(descriptors={check.fd: self._pipe(spec.name, generation)})
            mailbox = self._mailbox(spec, generation)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise LaunchError(Reason.SPAWN_FAILED, f"it cannot be given a way to notify: {why}", final=False) from None
        self._hear(spec.name, generation, mailbox)
        self._custody.keep(_kept(spec.name), [mailbox.fileno()])
        env = {"NOTIFY_SOCKET": mailbox.path}
        if check.watchdog is not None:
            env["WATCHDOG_USEC"] = str(max(1, round(check.watchdog * 1e6)))
        return Outfit(env)

    def adopt(self, incarnation: Incarnation) -> None:
        """Hear one that an earlier supervisor started, by what custody has of it.

        A socket that nobody kept is bound again where the service looks for it. A pipe cannot be had again; mostly it
        is not there because the service has said its line and closed it.
        """
        name, generation, check = incarnation.spec.name, incarnation.generation, _check(incarnation.spec)
        self.close(name, keep=True)
        for descriptor in self._custody.take(_kept(name)):
            # What is kept tells how it speaks, not a manifest that was changed since.
            is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
            self._hear(name, generation, Mailbox.of(descriptor) if is_socket else ReadyLine(descriptor))
        if name not in self._ears and check is not None and check.fd is None:
            self._bind_again(incarnation.spec, generation)

    def close(self, name: str, *, keep: bool = False) -> None:
        """Hear a service no more: that incarnation is gone. `keep`: it is not, and somebody else will hear it."""
        ear = self._ears.pop(name, None)
        if ear is None:
            return
        self._loop.remove_reader(ear.way.fileno())
        if isinstance(ear.way, Mailbox):
            ear.way.close(for_good=not keep)
        else:
            ear.way.close()
        if not keep:
            self._custody.drop(_kept(name))

    def close_all(self) -> None:
        """Let go of all of them; those of services that still run stay where they are, for who comes after us.

        When none runs, what a killed supervisor may have left in the folder goes too.
        """
        for name in tuple(self._ears):
            self.close(name, keep=name in self._alive())
        if self._alive() or not os.path.isdir(self._folder):
            return
        for left in os.listdir(self._folder):
            with suppress(OSError):
                os.unlink(os.path.join(self._folder, left))

    # Ways to hear -----------------------------------------------------------------------------------------------

    def _hear(self, name: str, generation: int, way: Mailbox | ReadyLine) -> None:
        ear = self._ears[name] = Ear(generation, way, set())
        if isinstance(way, Mailbox):
            self._loop.add_reader(way.fileno(), self._read_letters, name, ear, way)
        else:
            self._loop.add_reader(way.fileno(), self._read_line, name, ear, way)

    def _pipe(self, name: str, generation: int) -> int:
        """Make a pipe and hear what comes; return the end to write to."""
        ours, theirs = os.pipe()
        self._hear(name, generation, ReadyLine(ours))
        self._custody.keep(_kept(name), [ours])
        return theirs

    def _mailbox(self, spec: ServiceSpec, generation: int) -> Mailbox:
        """Bind the socket of one incarnation where its user can reach it. Raises OSError."""
        uid = uid_of(spec.account)
        if uid in (None, os.geteuid()):
            return Mailbox.at(socket_path(self._folder, spec.name, generation, self._environ))
        return Mailbox.at(shared_path(self._folder, spec.name, generation), owner=uid)

    def _bind_again(self, spec: ServiceSpec, generation: int) -> None:
        name = spec.name
        try:
            mailbox = self._mailbox(spec, generation)
        except OSError as error:
            logger.warning("%s: cannot be heard any more: %s", name, error.strerror or error)
            return
        self._hear(name, generation, mailbox)
        self._custody.keep(_kept(name), [mailbox.fileno()])

    # What is heard ----------------------------------------------------------------------------------------------

    def _read_letters(self, name: str, ear: Ear, mailbox: Mailbox) -> None:
        last = NOTHING
        for _ in range(LETTERS_IN_A_TURN):
            # What was just posted may have ended it.
            letter = mailbox.receive() if self._ears.get(name) is ear else None
            if letter is None:
                return
            message = parse(letter.data) if self._counts(name, ear, letter) else NOTHING
            # What is said twice in one moment is said once.
            if message not in (NOTHING, last):
                self._post(Notified(name, ear.generation, at=self._loop.time(), **message._asdict()))
                last = message

    def _counts(self, name: str, ear: Ear, letter: Letter) -> bool:
        """Tell whether a letter is one that the service may write."""
        found = self._alive().get(name)
        if found is None:
            return False
        if letter.too_long:
            self._complain(name, ear, f"a notification of more than {LARGEST} bytes")
        elif letter.uid not in (None, 0, os.getuid()) and letter.uid != uid_of(found.spec.account):
            self._complain(name, ear, f"a notification by user {letter.uid}")
        elif letter.pid is not None and not letter.ended and not is_of(letter.pid, found):
            self._complain(name, ear, "a notification by a process that is not its own")
        else:
            return True
        return False

    def _complain(self, name: str, ear: Ear, what: str) -> None:
        if what not in ear.complained:
            ear.complained.add(what)
            logger.warning("%s: %s was ignored", name, what)

    def _read_line(self, name: str, ear: Ear, line: ReadyLine) -> None:
        heard = line.receive()
        if heard is Heard.LINE:
            self._post(Notified(name, ear.generation, frozenset({Said.READY}), self._loop.time()))
        elif heard is Heard.END:
            self.close(name)
            if not line.said:
                said = "it closed the descriptor without a line"
                self._post(Notified(name, ear.generation, frozenset(), self._loop.time(), status=said))


def _check(spec: ServiceSpec) -> NotifyProbe | None:
    return spec.ready.check if spec.ready and isinstance(spec.ready.check, NotifyProbe) else None


def _kept(name: str) -> str:
    return f"notify/{name}"
