"""supervisord.conf: programs, fcgi-programs, event listeners, groups and included files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing import ini
from mamctl.convert.importing.commands import joined, split
from mamctl.convert.importing.expansions import Expansions
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.includes import matching
from mamctl.convert.importing.rules import apply
from mamctl.convert.importing.stack import ONE_SOCKET
from mamctl.convert.importing.supervisord_http import SECTION, take_http
from mamctl.convert.importing.supervisord_rules import ADVICE, RULES, environment, sendable
from mamctl.convert.importing.value import Unfit, Value, take_all, text, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

MOST_COPIES: Final = 200
WHAT: Final = "a supervisord.conf"
_NUMBER: Final = "%(process_num)"
_SOCKET: Final = re.compile(r"tcp://([^:/]*):(\d{1,5})")


def draft(sources: list[Source], stack: Stack, _tools: Tools) -> list[Value]:
    """Add the programs of the file and of those that it includes."""
    source = sources[0]
    roots = [_parse(source.text, source.shown)]
    roots += _included(roots[0], stack)
    given = _given(roots[0], stack)
    for root in roots:
        for name, section in (root.pairs or {}).items():
            _take_section(name, section, stack, given)
    if not stack.services:
        raise Unreadable(WHAT, (refuse(source.shown, 1, "there is no [program:...] in it that can be run"),))
    for root in roots:
        if http := root.get(SECTION):
            take_http(http, stack)
    return roots


def _parse(text: str, shown: str) -> Value:
    return ini.parse(text, shown, WHAT)


def _given(root: Value, stack: Stack) -> dict[str, str]:
    """Return what [supervisord] gives to all programs, which expansions see as well."""
    section = root.get("supervisord")
    value = section.get("environment") if section else None
    if section is None or value is None:
        return {}
    expansions = Expansions({"here": stack.around.folder}, {}, stack.around.variable)
    try:
        pairs = environment(text(value))
        stack.keys["env"] = {name: expansions.tell(found) for name, found in pairs.items()}
    except Unfit as unfit:
        value.leave(str(unfit))
        return {}
    section.seen = True
    return pairs


def _take_section(name: str, section: Value, stack: Stack, given: dict[str, str]) -> None:
    kind, _, rest = name.partition(":")
    if kind in ("program", "fcgi-program") and rest:
        _take_program(rest.strip(), section, stack, given)
    elif kind == "eventlistener" and rest:
        _take_listener(rest.strip(), section, stack, given)
    elif kind == "group":
        _take_group(section, stack)
    elif kind == "include":
        section.seen = True
    elif kind == "supervisord":
        section.seen = True
        for key, value in (section.pairs or {}).items():
            value.why = value.why or ADVICE.get(f"supervisord.{key}", ADVICE["supervisord"])
    else:
        section.why = ADVICE.get(kind, "")


def _take_group(section: Value, stack: Stack) -> None:
    section.seen = True
    if value := section.get("programs"):
        text(value)
        stack.note(value, "there are no groups: name its services, or a pattern as 'web-*', on the command line")
    if value := section.get("priority"):
        value.why = ADVICE["priority"]


def _take_program(name: str, section: Value, stack: Stack, given: dict[str, str]) -> None:
    section.seen = True
    numprocs = section.get("numprocs")
    count, first = _copies(section)
    numbered = any(
        _NUMBER in (value.text or "") for key, value in (section.pairs or {}).items() if key != "process_name"
    )
    if numprocs is not None and numprocs.seen and not (numbered and count > 1):
        service = _program(name, section, stack, given, (first, name))
        if count != 1 and "sockets" in service.keys:
            numprocs.leave(ONE_SOCKET)
        elif count != 1:
            service.set(("replicas",), count)
            service.note(numprocs, "its processes are called NAME-1, NAME-2 and so on")
        return
    for number in range(first, first + count):
        _program(name if count == 1 else f"{name}-{number}", section, stack, given, (number, name))


def _take_listener(name: str, section: Value, stack: Stack, given: dict[str, str]) -> None:
    """Add a pool of event listeners: one service, whatever their number, for each event goes to one of them."""
    value = section.get("events")
    try:
        known = sendable(value)
    except Unfit as unfit:
        section.why = str(unfit)
        return
    section.seen = True
    count, first = _copies(section)
    service = _program(name, section, stack, given, (first, name))
    assert value is not None
    value.seen = True
    service.set(("events",), list(known.sent))
    for unsent in known.unsent:
        service.note(value, unsent)
    numprocs = section.get("numprocs")
    if numprocs is not None and count != 1:
        numprocs.seen = True
        service.set(("replicas",), count)
        service.note(numprocs, "they are called NAME-1, NAME-2 and so on; MAMCTL_REPLICA tells each its number")


def _copies(section: Value) -> tuple[int, int]:
    """Return how many processes there are, and the number of the first."""
    found = []
    for key, default, least in (("numprocs", 1, 1), ("numprocs_start", 0, 0)):
        value = section.get(key)
        try:
            found.append(whole(value, least, MOST_COPIES) if value else default)
        except Unfit as unfit:
            if value:
                value.leave(str(unfit))
            found.append(default)
    return found[0], found[1]


def _program(name: str, section: Value, stack: Stack, given: dict[str, str], which: tuple[int, str]) -> Service:
    number, program = which
    service = stack.add(name, section, of=program)
    count, _ = _copies(section)
    known: dict[str, str | int] = {
        "here": stack.around.folder, "program_name": program, "group_name": program, "process_num": number,
        "numprocs": count, "host_node_name": os.uname().nodename,
    }  # fmt: skip
    service.tell = Expansions(known, given, stack.around.variable).tell
    seen = {id(value) for key in ("numprocs", "numprocs_start") if (value := section.get(key)) and value.seen}
    apply(RULES, section, service, ADVICE)
    for key in ("numprocs", "numprocs_start"):
        if (value := section.get(key)) and id(value) in seen:
            value.seen = True
    if socket := section.get("socket"):
        _take_socket(socket, service)
    return service


def _take_socket(value: Value, service: Service) -> None:
    """Hold the socket of a FastCGI program, which expects it as its stdin."""
    found = _SOCKET.fullmatch((value.text or "").strip())
    words = service.keys.get("command")
    if not found or not isinstance(words, list):
        value.leave("only tcp://host:port can be held here; write sockets, and let the program listen on descriptor 3")
        return
    take_all(value)
    service.set(("sockets",), {"fcgi": int(found[2])})
    if found[1] not in ("", "*", "localhost"):
        service.set(("host",), found[1])
    service.set(("command",), f"exec {joined(words)} <&3")
    service.keys["shell"] = True
    service.note(value, "the socket is held as descriptor 3; the command gets it as its stdin, as supervisord gives it")


def _included(root: Value, stack: Stack) -> list[Value]:
    """Return the files that [include] names, but only those beneath the folder of the file itself."""
    section = root.get("include")
    value = section.get("files") if section else None
    if section is None or value is None or value.text is None:
        return []
    value.seen = section.seen = True
    found: list[Value] = []
    pattern = value.text.replace("%(here)s", stack.around.folder)
    for word in split(pattern) or pattern.split():
        found += matching(word, value, stack, _parse)
    return found
