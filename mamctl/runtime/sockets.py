"""Sockets that the supervisor holds for its services (`sockets:`), so that a restart refuses nobody.

A socket is bound before the first spawn and passed to each process of its service in turn. While no process is there
(a restart, the wait for the next attempt) it stays open: who connects is queued by the kernel, waits, and is served by
the next process. Once nobody will come it is closed, so that clients are refused instead of waiting in vain: the
service is stopped by the operator, has failed or completed, or is gone. Which of the two it is, the core says
(`Service.comes_back`).

The queue belongs to the socket, not to a process: a server that asked for a short one, or that shut the socket down
for everybody who has it, would leave that to its successor. So `listen` is said again whenever a process has ended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING, Final

from mamctl.core.manifest.probes import FIRST_SOCKET
from mamctl.core.states import Reason
from mamctl.runtime.borrowing import borrow
from mamctl.runtime.launcher import LaunchError
from mamctl.runtime.ports.address import ANY_IPV6, Address, addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.service import Service
    from mamctl.runtime.custody import Custody

    Place = tuple[str, int] | tuple[str, int, int, int]
    """What a socket is bound to, as `getsockname` tells it."""
    Held = dict[Place, socket.socket]

QUEUE: Final = 4096
"""How many clients may wait for the next process; the system allows less where `somaxconn` is lower."""


class HeldSockets:
    """The sockets of all services. Under a guardian they outlive us: `custody` keeps copies."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._held: dict[str, Held] = {}

    @property
    def holders(self) -> Collection[str]:
        """The services for which sockets are open now."""
        return self._held.keys()

    def holder(self, port: int) -> str | None:
        """Name the service for which a port is held."""
        return next((name for name, held in self._held.items() if any(place[1] == port for place in held)), None)

    def owners(self, name: str) -> list[int]:
        """Return who owns a service's listeners besides its own processes: us, where we hold sockets for it."""
        return [os.getpid()] if name in self._held else []

    def open(self, spec: ServiceSpec, require_free: Callable[[str, int], None]) -> list[tuple[str, int]]:
        """Return name and descriptor of each socket of a service, in the manifest's order; what is missing is bound.

        A socket that the service has no more is closed. `require_free` raises LaunchError for a host and port that
        cannot be had. Raises LaunchError.
        """
        self.recall(spec)
        if not spec.sockets and spec.name not in self._held:
            return []
        wanted = {_place(spec.host, port.number): port for port in spec.sockets}
        before = self._held.pop(spec.name, {})
        _end([found for place, found in before.items() if place not in wanted])
        held = {place: before[place] for place in wanted if place in before}
        self._held[spec.name] = held
        held.update(_all_bound(spec.host, [place for place in wanted if place not in held], require_free))
        self._tell(spec.name, changed=held.keys() != before.keys())
        self.rest(spec.name)
        return [(port.name, held[place].fileno()) for place, port in wanted.items()]

    def recall(self, spec: ServiceSpec, pidfd: int = -1) -> None:
        """Take back what an earlier supervisor held for a service. What of it is not wanted any more `open` closes.

        If nobody kept it, its process (of `pidfd`) still has it: it is copied from there, where the kernel lets us.
        """
        if spec.name in self._held or not spec.sockets:
            return
        held = {found.getsockname(): found for found in _sockets(self._custody.take(_name(spec.name)))}
        if not held and (held := _borrowed(spec, pidfd)):
            self._custody.keep(_name(spec.name), [found.fileno() for found in held.values()])
        if held:
            self._held[spec.name] = held

    def recall_others(self, services: Mapping[str, Service]) -> None:
        """Take back the sockets of services that have no process to adopt now; close those that nobody waits for."""
        for name, service in services.items():
            self.recall(service.run)
            self.settle(name, services)

    def rest(self, name: str) -> None:
        """Let many wait, and let nothing of what a process did to a service's sockets outlive it."""
        for found in self._held.get(name, {}).values():
            # The descriptions are shared: one that was made non-blocking would be so for a successor, too.
            os.set_blocking(found.fileno(), True)
            with contextlib.suppress(OSError):
                found.listen(QUEUE)

    def settle(self, name: str | None, services: Mapping[str, Service]) -> None:
        """Close the sockets of one of the services if nobody will come to serve them, or it is gone."""
        service = services.get(name or "")
        if name is None or (service is not None and service.comes_back):
            return
        held = self._held.pop(name, {})
        if service is None or service.pid is None:
            _end(held.values())
        _close(held.values())
        if held or (service is not None and service.spec.sockets):
            self._custody.drop(_name(name))

    def close(self) -> None:
        """Let go of ours; what custody keeps stays open for who comes after us."""
        for held in self._held.values():
            _close(held.values())
        self._held.clear()

    def _tell(self, name: str, *, changed: bool) -> None:
        held = self._held[name]
        if changed and held:
            self._custody.keep(_name(name), [found.fileno() for found in held.values()])
        elif not held:
            del self._held[name]
            self._custody.drop(_name(name))


def _name(service: str) -> str:
    return f"socket/{service}"


def _close(sockets: Iterable[socket.socket]) -> None:
    for found in sockets:
        found.close()


def _end(sockets: Collection[socket.socket]) -> None:
    """Refuse from now on, whoever still has a copy: custody lets go of its own a moment later than we of ours.

    Not while a process serves them: its next `accept` would fail.
    """
    for found in sockets:
        with contextlib.suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)
    _close(sockets)


def _place(host: str, port: int) -> Place:
    """Return what a socket for a host is bound to: `localhost` means 127.0.0.1 here, one socket for each name."""
    found = addresses(host)
    return found[0].with_port(port) if found else (host, port)


def _borrowed(spec: ServiceSpec, pidfd: int) -> Held:
    """Return copies of the sockets that a process was given, where they are still what they were."""
    count = len(spec.sockets)
    copies = [fd for number in range(FIRST_SOCKET, FIRST_SOCKET + count) if (fd := borrow(pidfd, number)) is not None]
    wanted = {_place(spec.host, port.number) for port in spec.sockets}
    found: Held = {}
    for copy in _sockets(copies):
        place = copy.getsockname()
        # A connection that was accepted there has the same address.
        if place in wanted and place not in found and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found[place] = copy
        else:
            copy.close()
    return found


def _sockets(descriptors: Iterable[int]) -> Iterator[socket.socket]:
    """Yield those of our descriptors that are sockets; the others are closed."""
    for descriptor in descriptors:
        try:
            yield socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)


def _all_bound(host: str, places: Sequence[Place], require_free: Callable[[str, int], None]) -> Held:
    """Return a new socket for each place, or raise LaunchError and leave none open."""
    made: Held = {}
    try:
        for place in places:
            require_free(host, place[1])
            made[place] = _bound(host, place[1])
    except LaunchError:
        _close(made.values())
        raise
    return made


def _bound(host: str, port: int) -> socket.socket:
    """Return a new socket that listens. Raises LaunchError."""
    try:
        return _listening(addresses(host)[0], port)
    except OSError as error:
        raise _refused(host, port, error) from None


def _listening(address: Address, port: int) -> socket.socket:
    made = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address.host != ANY_IPV6)
        made.bind(address.with_port(port))
        made.listen(QUEUE)
    except OSError:
        made.close()
        raise
    return made


def _refused(host: str, port: int, error: OSError) -> LaunchError:
    """Say why a port that was free a moment ago cannot be had, or what we lack."""
    reason = Reason.PORT_TAKEN if error.errno == errno.EADDRINUSE else Reason.SPAWN_FAILED
    why = os.strerror(error.errno or 0).lower()
    return LaunchError(reason, f"no socket for port {port} of {host}: {why}", final=False)
