"""Ports of compose services: `8000`, `8080:80`, `127.0.0.1:8080:80/tcp`, or maps with target and published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.importing.rules import told
from mamctl.convert.importing.value import Unfit, Value, take_all

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_PART: Final = re.compile(r"(?:\$\{[^}]*\}|\[[^\]]*\]|[^:])+")
_NUMBER: Final = re.compile(r"[0-9]{1,5}|\$\{[A-Za-z_]\w*(?::-[0-9]{0,5})?\}")


class _Port(NamedTuple):
    target: str
    published: str


def listening(value: Value, service: Service) -> None:
    """Name the ports on which its command listens here."""
    for item, port in _ports(value, service):
        _add(service, port.target)
        if port.published not in ("", port.target):
            service.note(item, "it was published under another number; on this machine it is reached on its own")


def published(value: Value, service: Service) -> None:
    """Name the ports that docker publishes; the listener is docker's."""
    for item, port in _ports(value, service):
        if port.published:
            _add(service, port.published)
            service.set(("listener",), "any")
        else:
            service.note(item, "it has no fixed number on this machine")


def numbers(value: Value | None) -> dict[str, str]:
    """Return the published number of each port, as far as it is a plain number; nothing is marked."""
    found = {}
    for item in (value.items if value is not None else None) or ():
        pairs = (item.get("target"), item.get("published")) if item.pairs is not None else (None, None)
        parts = (item.text or "").removesuffix("/tcp").split(":")
        target = pairs[0].text if pairs[0] is not None else parts[-1]
        published_as = pairs[1].text if pairs[1] is not None else parts[-2] if len(parts) > 1 else None
        if target and published_as and target.isdigit() and published_as.isdigit():
            found[target] = published_as
    return found


def _add(service: Service, number: str) -> None:
    ports = service.keys.setdefault("ports", {})
    name = f"p{number}" if number.isdigit() else f"p{len(ports) + 1}"
    ports[name if ports else "http"] = int(number) if number.isdigit() else number


def _ports(value: Value, service: Service) -> list[tuple[Value, _Port]]:
    if value.items is None:
        raise Unfit("is no list")
    found = []
    for item in value.items:
        try:
            found.append((item, _port(item, service)))
            take_all(item)
        except Unfit as unfit:
            item.leave(str(unfit))
    return found


def _port(item: Value, service: Service) -> _Port:
    if item.pairs is not None:
        target, published_as, protocol = (item.get(key) for key in ("target", "published", "protocol"))
        if target is None or (protocol is not None and protocol.text not in (None, "tcp")):
            raise Unfit("only TCP ports with a target are known")
        return _checked(told(target, service), told(published_as, service) if published_as is not None else "")
    written = told(item, service)
    number, _, protocol_word = written.partition("/")
    if protocol_word not in ("", "tcp"):
        raise Unfit("only TCP ports are known")
    parts = _PART.findall(number)
    if not 1 <= len(parts) <= 3:
        raise Unfit("is no port")
    return _checked(parts[-1], parts[-2] if len(parts) > 1 else "")


def _checked(target: str, published_as: str) -> _Port:
    if not _NUMBER.fullmatch(target) or (published_as and not _NUMBER.fullmatch(published_as)):
        raise Unfit("a range of ports has no counterpart; write `ports` with one name for each")
    return _Port(target, published_as)
