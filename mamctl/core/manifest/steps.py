"""The steps of `mamctl smoke` as frozen values.

A text may hold what an earlier step saved: `${id}` stands in it as `id` between two NULs, which no manifest can hold.
It is filled in when the step is run. JSON is kept as its canonical text, so that equal steps compare equal.
"""

from __future__ import annotations

import re
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mamctl.core.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

LATER: Final = re.compile("\0([^\0]+)\0")
"""What stands in a text for a value that an earlier step saves."""


def later(name: str) -> str:
    """Return what stands in a text for the value of a name that an earlier step saves."""
    return f"\0{name}\0"


@dataclass(frozen=True, slots=True)
class Header:
    """A header that is expected: its name in lower case, and a text that it holds, or (`exact`) that it is."""

    name: str
    text: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class HttpAction:
    """One request. `json` is the canonical text of the body to send; at most one of `json` and `body` is there."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    json: str | None = None
    body: str | None = None
    redirects: bool = False


@dataclass(frozen=True, slots=True)
class ExecAction:
    """One command. `of` is the service in whose folder and environment it runs; `cwd` and `env` lie over these."""

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unset: frozenset[str] = frozenset()
    of: str | None = None


@dataclass(frozen=True, slots=True)
class TcpAction:
    """One connection to `host:port`."""

    address: str


@dataclass(frozen=True, slots=True)
class WebSocketAction:
    """A message to send and one to wait for, over a new socket (`url`) or one that an earlier step keeps (`kept`).

    `send` and `expect` are canonical JSON. What is sent: a text as it is, anything else as JSON. What is expected: a
    text is a regular expression, anything else a subset of the message. `keep` names the socket for later steps.
    """

    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    send: str | None = None
    expect: str | None = None
    keep: str | None = None
    kept: str | None = None


Action = HttpAction | ExecAction | TcpAction | WebSocketAction


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer must be like; None or empty: anything will do, but for a status of 400 and above, or a bad exit.

    `json` is the canonical text of a subset; `latency` is in seconds, from the beginning of the try.
    """

    status: tuple[int, ...] | None = None
    header: tuple[Header, ...] = ()
    json: str | None = None
    body: str | None = None
    exit: tuple[int, ...] = (0,)
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class SmokeStep:
    """One step. Seconds: `timeout` of one try; `within`, tries go on until it comes true (None: one try).

    `save`: names with the path of the value in the answer. `needs`: the saved names that it uses. `service`: whom it
    is about, where that is known.
    """

    name: str
    action: Action
    expect: Expectation = Expectation()
    save: tuple[tuple[str, str], ...] = ()
    within: float | None = None
    timeout: float = 10.0
    service: str | None = None
    needs: frozenset[str] = frozenset()
