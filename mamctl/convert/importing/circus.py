"""circus.ini: watchers, the sockets that they share, and their environments."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing import ini
from mamctl.convert.importing.circus_rules import ADVICE, RULES, Words
from mamctl.convert.importing.commands import shell_line, split
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.rules import apply
from mamctl.convert.importing.value import Unfit, Value, flag, text, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

WHAT: Final = "a circus.ini"


def draft(sources: list[Source], stack: Stack, _tools: Tools) -> list[Value]:
    """Add the watchers of the file."""
    source = sources[0]
    root = ini.parse(source.text, source.shown, WHAT, inline=False, fold=False)
    sections = root.pairs or {}
    for name, section in sections.items():
        kind, _, rest = name.partition(":")
        if kind == "watcher" and rest:
            _take(rest.strip(), section, stack, sections)
        elif kind not in ("env", "socket"):
            section.seen = kind == "circus"
            section.why = ADVICE.get(kind, "")
            for value in (section.pairs or {}).values():
                value.why = ADVICE["circus"]
    if not stack.services:
        raise Unreadable(WHAT, (refuse(source.shown, 1, "there is no [watcher:...] in it that can be run"),))
    for name, section in sections.items():
        if name.startswith("socket:") and not section.seen:
            section.why = "no watcher that is imported uses it"
    _take_env_of_all(sections, stack)
    return [root]


def _take(name: str, section: Value, stack: Stack, sections: dict[str, Value]) -> None:
    service = stack.add(name, section)
    words = Words(stack.around.variable)
    service.tell = words.tell
    section.seen = True
    service.set(("restart",), {"policy": "always"})
    _take_command(section, service, words)
    for key, value in (section.pairs or {}).items():
        value.why = value.why or ADVICE.get(key.partition(".")[0], "")
    apply(RULES, section, service, ADVICE)
    _take_env(name, service, sections)
    _take_sockets(section, service, words, sections)
    _take_count(section, service)


def _take_command(section: Value, service: Service, words: Words) -> None:
    command, arguments, shell = (section.get(key) for key in ("cmd", "args", "shell"))
    if command is None:
        return
    try:
        line = " ".join([text(command), *([text(arguments)] if arguments is not None else [])])
        if shell is not None and flag(shell):
            service.keys |= shell_line(line)
        else:
            service.set(("command",), split(words.tell(line)) or [])
    except Unfit as unfit:
        command.why = str(unfit)


def _take_count(section: Value, service: Service) -> None:
    value = section.get("numprocesses")
    if value is None:
        return
    try:
        count = whole(value, 0, 1000)
    except Unfit as unfit:
        value.leave(str(unfit))
        return
    if count == 1:
        return
    if "sockets" in service.keys:
        value.leave("processes of one service do not share a socket here: let the server fork its workers")
        return
    service.set(("replicas",), count)
    service.note(value, "its processes are called NAME-1, NAME-2 and so on")


def _take_env(name: str, service: Service, sections: dict[str, Value]) -> None:
    """Add the variables of each [env:...] that means this watcher."""
    for title, section in sections.items():
        kind, _, patterns = title.partition(":")
        if kind != "env" or not any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(",") if pattern):
            continue
        section.seen = True
        for key, value in (section.pairs or {}).items():
            try:
                service.add_env({key: service.tell(text(value))})
            except Unfit as unfit:
                value.leave(str(unfit))


def _take_env_of_all(sections: dict[str, Value], stack: Stack) -> None:
    section = sections.get("env")
    if section is None:
        return
    section.seen = True
    words = Words(stack.around.variable)
    for key, value in (section.pairs or {}).items():
        try:
            stack.keys.setdefault("env", {})[key] = words.tell(text(value))
        except Unfit as unfit:
            value.leave(str(unfit))


def _take_sockets(section: Value, service: Service, words: Words, sections: dict[str, Value]) -> None:
    """Hold the sockets that its command names."""
    use = section.get("use_sockets")
    for name in words.sockets:
        socket = sections.get(f"socket:{name}")
        port = socket.get("port") if socket else None
        if socket is None or port is None:
            service.note(section, "a socket that its command names has no port, so it is not held")
            continue
        try:
            number = whole(port, 0, 65535)
        except Unfit as unfit:
            port.leave(str(unfit))
            continue
        socket.seen = True
        service.keys.setdefault("sockets", {})[name] = number or "auto"
        host = socket.get("host")
        if host is not None and text(host) != "localhost":
            service.set(("host",), text(host))
    if use is not None and "sockets" not in service.keys:
        use.why = "its command names no socket as $(circus.sockets.NAME)"
        use.seen = (use.text or "").strip().lower() in ("false", "0", "no", "off")
    elif use is not None:
        use.seen = True
        service.note(use, "the sockets that its command names are held, and stay open while it restarts")
