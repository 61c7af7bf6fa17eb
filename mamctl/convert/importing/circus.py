"""circus.ini: watchers, the sockets that they share, and their environments."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing import ini
from mamctl.convert.importing.circus_rules import ADVICE, NUMBER, RULES, Words
from mamctl.convert.importing.commands import shell_line, split
from mamctl.convert.importing.files import Unreadable, refuse
from mamctl.convert.importing.includes import matching
from mamctl.convert.importing.rules import apply
from mamctl.convert.importing.stack import ONE_SOCKET
from mamctl.convert.importing.supervisord_rules import environment
from mamctl.convert.importing.value import Unfit, Value, flag, text, whole

if TYPE_CHECKING:
    from mamctl.convert.importing.reader import Source, Tools
    from mamctl.convert.importing.stack import Service, Stack

WHAT: Final = "a circus.ini"


def draft(sources: list[Source], stack: Stack, _tools: Tools) -> list[Value]:
    """Add the watchers of the file."""
    source = sources[0]
    root = _parse(source.text, source.shown)
    sections = root.pairs or {}
    if circus := sections.get("circus"):
        circus.seen = True
        for key, value in (circus.pairs or {}).items():
            value.why = value.why or ADVICE.get(f"circus.{key}", ADVICE["circus"])
        _include(circus, sections, stack)
    for name, section in sections.items():
        kind, _, rest = name.partition(":")
        if kind == "watcher" and rest:
            _take(rest.strip(), section, stack, sections)
        elif kind not in ("env", "socket", "circus"):
            section.why = ADVICE.get(kind, "")
    if not stack.services:
        raise Unreadable(WHAT, (refuse(source.shown, 1, "there is no [watcher:...] in it that can be run"),))
    for name, section in sections.items():
        if name.startswith("socket:") and not section.seen:
            section.why = "no watcher that is imported uses it"
    _take_env_of_all(sections, stack)
    return [root]


def _parse(text: str, shown: str) -> Value:
    return ini.parse(text, shown, WHAT, inline=";", fold=False)


def _include(circus: Value, sections: dict[str, Value], stack: Stack) -> None:
    """Add the sections of other files; of a key that is in several the first counts, as with circus."""
    for key, ending in (("include", ""), ("include_dir", "/*.ini")):
        value = circus.get(key)
        if value is None:
            continue
        for pattern in text(value).split():
            for root in matching(f"{pattern}{ending}", value, stack, _parse):
                for name, section in (root.pairs or {}).items():
                    _merge(sections.setdefault(name, section), section)


def _merge(section: Value, other: Value) -> None:
    assert section.pairs is not None
    for key, value in (other.pairs or {}).items():
        if section.pairs.setdefault(key, value) is not value:
            section.pairs[f"{key} ({value.file}:{value.line})"] = value
            value.why = "it is set before, and the first one counts"


def _take(name: str, section: Value, stack: Stack, sections: dict[str, Value]) -> None:
    """Add a watcher: as one service, or one for each process when they are told their numbers."""
    count = _count(section)
    numbered = any(NUMBER.search(value.text or "") for value in _told_numbers(name, section, sections))
    alone = count < 2 or not numbered or section.get("use_sockets") is not None
    for number in (1,) if alone else range(1, count + 1):
        service = stack.add(name if alone else f"{name}-{number}", section, of=name)
        _fill(service, name, section, sections, Words(stack.around, _given(name, section, sections), number))
    value = section.get("numprocesses")
    if value is not None and not alone:
        value.seen = True
    if value is not None and alone and count != 1:
        _take_count(value, count, service)


def _told_numbers(name: str, section: Value, sections: dict[str, Value]) -> list[Value]:
    """Return the values in which a number can be filled in."""
    inside = [value for one in _environments(name, sections) for value in one.children()]
    return [*section.children(), *inside]


def _environments(name: str, sections: dict[str, Value]) -> list[Value]:
    """Return the sections [env:...] that mean a watcher."""
    found = []
    for title, section in sections.items():
        kind, _, patterns = title.partition(":")
        if kind == "env" and any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(",") if pattern):
            found.append(section)
    return found


def _given(name: str, section: Value, sections: dict[str, Value]) -> dict[str, str]:
    """Return the variables of the file that a watcher sees."""
    everyone, own = _texts(sections.get("env")), _own(section.get("env"))
    theirs = {key: text for one in _environments(name, sections) for key, text in _texts(one).items()}
    return everyone | own | theirs


def _texts(section: Value | None) -> dict[str, str]:
    return {key: value.text or "" for key, value in (section.pairs or {}).items()} if section else {}


def _own(value: Value | None) -> dict[str, str]:
    """Return the variables of a watcher's own `env`; what is wrong with it is told where the key is taken."""
    try:
        return environment(text(value)) if value is not None else {}
    except Unfit:
        return {}


def _fill(service: Service, name: str, section: Value, sections: dict[str, Value], words: Words) -> None:
    service.tell = words.tell
    section.seen = True
    service.set(("restart",), {"policy": "always"})
    _take_command(section, service, words)
    for key, value in (section.pairs or {}).items():
        value.why = value.why or ADVICE.get(key.partition(".")[0], "")
    apply(RULES, section, service, ADVICE)
    _take_env(name, service, sections)
    _take_sockets(section, service, words, sections)


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


def _count(section: Value) -> int:
    """Return how many processes a watcher has."""
    value = section.get("numprocesses")
    try:
        return 1 if value is None else whole(value, 0, 1000)
    except Unfit as unfit:
        assert value is not None
        value.leave(str(unfit))
        return 1


def _take_count(value: Value, count: int, service: Service) -> None:
    if "sockets" in service.keys:
        value.leave(ONE_SOCKET)
        return
    value.seen = True
    service.set(("replicas",), count)
    service.note(value, "its processes are called NAME-1, NAME-2 and so on")


def _take_env(name: str, service: Service, sections: dict[str, Value]) -> None:
    """Add the variables of each [env:...] that means this watcher."""
    for section in _environments(name, sections):
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
    words = Words(stack.around, {})
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
