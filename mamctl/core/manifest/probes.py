"""Probes as the model holds them: one check, with the service's own port and host put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .commands import argv
from .findings import Findings, Invalid, Path, Tree
from .forms import TCP_HINT
from .interpolation import Reference, Tell, resolve, resolve_all
from .merging import CHECKS, DELETED
from .model import Check, ExecProbe, HttpProbe, LogProbe, NotifyProbe, Probe, TcpProbe, reachable
from .nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .wishes import ProbeWish

FIRST_SOCKET: Final = 3
"""The descriptor at which a service gets the first of its held sockets (LISTEN_FDS)."""

_HELD_HINT: Final = "write http: /path, exec, notify or log: what only the service itself can answer"
_HTTP_HINT: Final = "write a path as /health, or a URL as http://127.0.0.1:5001/health"


class Ground(NamedTuple):
    """What a probe stands on: the service's host, its ports by name, what references mean, and which ports are held."""

    host: str
    ports: Mapping[str, int]
    tell: Tell
    held: Collection[str] = ()


def probe(wish: ProbeWish, raw: object, at: Path, ground: Ground, found: Findings) -> Probe | None:
    """Return the probe, or None with a finding. `raw` are its keys as they were written."""
    key = _single_check(wish, raw if isinstance(raw, dict) else {}, at, found)
    if key is None:
        return None
    try:
        return Probe(_check(key, wish, ground), wish.timeout, wish.interval, wish.failures)
    except Invalid as invalid:
        found.refuse((*at, key), invalid)
        return None


def _single_check(wish: ProbeWish, raw: Tree, at: Path, found: Findings) -> str | None:
    checks = wish.checks
    if len(checks) > 1:
        found.add(at, f"has {' and '.join(checks)}: a probe has one check", "keep one of them")
    elif not checks and not CHECKS & raw.keys():
        found.add(at, "has no check", "write one of http, tcp, exec, log, notify")
    if checks and "http" not in checks:
        for key in sorted({"status", "json"} & raw.keys()):
            found.add((*at, key), "goes with http only", "leave it out")
    _check_notify(wish, raw, at, found)
    return checks[0] if len(checks) == 1 else None


def _check_notify(wish: ProbeWish, raw: Tree, at: Path, found: Findings) -> None:
    """Refuse the keys of asking for who is not asked, and the watchdog for who has no socket to speak over."""
    if wish.watchdog is not None and (wish.notify is None or wish.notify.fd is not None):
        found.add((*at, "watchdog"), "goes with notify: true only", "leave it out")
    for key in ("timeout", "interval", "failures") if wish.notify else ():
        if raw.get(key) not in (None, DELETED):
            found.add((*at, key), "means nothing with notify: it is not asked, it speaks", "leave it out")


def _check(key: str, wish: ProbeWish, ground: Ground) -> Check:
    match key:
        case "http":
            return _http(wish, ground)
        case "tcp":
            return _tcp(wish.tcp or "", ground)
        case "exec":
            return ExecProbe(argv(wish.exec or (), ground.tell))
        case "notify":
            return _notify(wish, ground)
        case _:
            return _log(resolve(wish.log or "", ground.tell))


def _notify(wish: ProbeWish, ground: Ground) -> NotifyProbe:
    fd = wish.notify.fd if wish.notify else None
    free = FIRST_SOCKET + len(ground.held)
    if fd is not None and FIRST_SOCKET <= fd < free:
        raise Invalid(f"descriptor {fd} is that of a held socket", f"write {{fd: {free}}}")
    return NotifyProbe(fd, wish.watchdog)


def _http(wish: ProbeWish, ground: Ground) -> HttpProbe:
    url = resolve(wish.http or "", ground.tell)
    if not url.isascii() or any(letter <= " " for letter in url):
        raise Invalid(f"{url!r} is not a URL", "encode spaces and other letters with %")
    url = _on_first_port(url, ground) if url.startswith("/") else _whole_url(url)
    return HttpProbe(url, wish.status or (200,), _canonical(wish.json, ground.tell))


def _on_first_port(path: str, ground: Ground) -> str:
    if not ground.ports:
        raise Invalid("a path needs a port", "give the service a port, or write a whole URL")
    return f"http://{reachable(ground.host)}:{next(iter(ground.ports.values()))}{path}"


def _whole_url(url: str) -> str:
    from urllib.parse import urlsplit  # Paths are usual.

    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 0) >= 0
    except ValueError:
        good = False
    if not good:
        raise Invalid(f"{url!r} is neither a path nor a URL", _HTTP_HINT)
    return url


def _canonical(value: object, tell: Tell) -> str | None:
    if value is None:
        return None
    import json

    try:
        return json.dumps(resolve_all(value, tell), sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise Invalid("json holds a number that JSON does not have") from error


def _tcp(target: str, ground: Ground) -> TcpProbe:
    probe = _address(target, ground)
    if probe.port and probe.port in [ground.ports[name] for name in ground.held] and _is_own(probe.host, ground):
        raise Invalid(f"proves nothing: socket {probe.port} is held for it, so it accepts always", _HELD_HINT)
    return probe


def _is_own(host: str, ground: Ground) -> bool:
    return host in (ground.host, _plain(reachable(ground.host)), "localhost")


def _address(target: str, ground: Ground) -> TcpProbe:
    if target in ground.ports:
        return TcpProbe(_plain(reachable(ground.host)), ground.ports[target])
    host, colon, number = resolve(target, ground.tell).rpartition(":")
    if not colon:
        hint = did_you_mean(target, ground.ports) if ground.ports and not target.isdigit() else TCP_HINT
        raise Invalid(f"there is no port {target!r}", hint)
    # A reference to a port that is not chosen yet reads 0.
    least = 0 if isinstance(target, Reference) else 1
    if not host or not (number.isascii() and number.isdigit() and least <= int(number[:9]) <= 65535):
        raise Invalid(f"{target!r} is not an address", TCP_HINT)
    return TcpProbe(_plain(host), int(number))


def _plain(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _log(pattern: str) -> LogProbe:
    import re
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"is not a regular expression: {error}", r"write \( for a plain parenthesis") from error
    return LogProbe(pattern)
