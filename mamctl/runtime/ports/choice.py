"""The numbers of all ports of a run, chosen before anything starts.

    a number                   is taken as it is: a conflict is found, and explained, at the start of its service
    {prefer: N, fallback: auto}  the number of the last run, else N, else a free one
    8001-8010                  the number of the last run, else the first of them that is free
    auto                       the number of the last run, else a free one

A free one lies below the range from which the kernel gives ports to outgoing connections: there, somebody's
connection may hold it at the moment a service restarts.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, Protocol

from mamctl.core.errors import MamctlError
from mamctl.runtime.ports.bind import PortState, bind_test

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

LOWEST: Final = 10240
"""The first number `auto` may choose: below it are the ports that people know by heart."""

HIGHEST: Final = 65535

_LINUX_DEFAULT = (32768, 60999)
_IANA = (49152, 65535)


class Request(Protocol):
    """One port of the manifest. `wanted` None: auto. `fallback`: `wanted` is only preferred, or the first to `last`."""

    @property
    def service(self) -> str: ...  # noqa: D102 - the class's docstring tells
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def wanted(self) -> int | None: ...  # noqa: D102
    @property
    def fallback(self) -> bool: ...  # noqa: D102
    @property
    def last(self) -> int | None: ...  # noqa: D102


def choose(
    requests: Sequence[Request],
    *,
    previous: Mapping[tuple[str, str], int] | None = None,
    running: Collection[str] = (),
    pick: Callable[[int], int] | None = None,
    test: Callable[[str, int], PortState] = bind_test,
) -> dict[tuple[str, str], int]:
    """Return the number for each (service, port name).

    `previous`: the numbers of the last run. `running`: services that hold theirs now and keep them untested.
    `pick(n)`: a random number below n (where the search starts). Raises MamctlError when no port is free.
    """
    fitting = {_key(request): request for request in requests}
    before = {key: number for key, number in (previous or {}).items() if _fits(number, fitting.get(key))}
    chosen = {_key(request): request.wanted for request in requests if request.wanted and not request.fallback}
    chosen |= {key: number for key, number in before.items() if key[0] in running and key not in chosen}
    hoped_for = {number for request in requests for number in _wished(request)} | set(before.values())

    def settle(find: Callable[[Request, set[int]], int | None]) -> None:
        for request in requests:
            key = _key(request)
            if key not in chosen and (number := find(request, set(chosen.values()))):
                chosen[key] = number

    settle(lambda request, taken: _if_free(request.host, before.get(_key(request)), taken, test))
    settle(lambda request, taken: _first_free(request, taken, test))
    settle(lambda request, taken: _any_free(request.host, taken | hoped_for, pick or _random, test))
    return {_key(request): chosen[_key(request)] for request in requests}


def _key(request: Request) -> tuple[str, str]:
    return request.service, request.name


def _wished(request: Request) -> range:
    """Return the numbers that a request names."""
    first = request.wanted or 0
    return range(first, (request.last or first) + 1) if first else range(0)


def _fits(number: int, request: Request | None) -> bool:
    """Tell whether a number of the last run may be chosen again: a range is kept to."""
    return request is None or request.last is None or number in _wished(request)


def _first_free(request: Request, taken: set[int], test: Callable[[str, int], PortState]) -> int | None:
    """Return the first of the wished numbers that is free. Raises MamctlError for a range that has none."""
    wished = _wished(request)
    for number in wished:
        if found := _if_free(request.host, number, taken, test):
            return found
    if request.last is None:
        return None
    service, name = _key(request)
    message = f"no port from {wished[0]} to {wished[-1]} is free on {request.host} for {service} ({name})"
    raise MamctlError(message, "`mamctl ports` tells who holds ports of this stack; a longer range or auto helps")


def _if_free(host: str, number: int | None, taken: set[int], test: Callable[[str, int], PortState]) -> int | None:
    usable = number and number not in taken and test(host, number) is PortState.FREE
    return number if usable else None


def _any_free(host: str, taken: set[int], pick: Callable[[int], int], test: Callable[[str, int], PortState]) -> int:
    """Search onward from a random place, so that two runs that start together seldom meet."""
    numbers = auto_range(local_port_range())
    for number in _turned(numbers, pick(len(numbers))):
        state = PortState.TAKEN if number in taken else test(host, number)
        if state is PortState.FREE:
            return number
        if state is PortState.NO_ADDRESS:
            raise MamctlError(f"no port can be chosen: this machine has no address {host}")
    raise MamctlError(f"no port from {numbers[0]} to {numbers[-1]} is free on {host}")


def _turned(numbers: range, start: int) -> Iterator[int]:
    yield from numbers[start:]
    yield from numbers[:start]


def _random(below: int) -> int:
    # Not the module random: its import costs more than the choice.
    return int.from_bytes(os.urandom(4)) % below


def auto_range(local: tuple[int, int]) -> range:
    """Return the numbers `auto` may choose: below the local range, above it, or all where it leaves no room."""
    low, high = local
    if low > LOWEST:
        return range(LOWEST, low)
    return range(high + 1, HIGHEST + 1) if high < HIGHEST else range(LOWEST, HIGHEST + 1)


def local_port_range(path: str = "/proc/sys/net/ipv4/ip_local_port_range") -> tuple[int, int]:
    """Return the first and last port that outgoing connections get from the kernel."""
    try:
        with open(path, encoding="ascii") as file:
            low, high = file.read().split()
    except OSError:
        return _LINUX_DEFAULT if sys.platform == "linux" else _IANA
    return int(low), int(high)
