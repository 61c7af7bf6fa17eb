"""A draft as the text of a services.yaml: commented, with quotes only where they are needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.core.manifest.fields import SERVICE_FIELDS

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Note, Service, Stack

WIDTH: Final = 116
_PLAIN: Final = re.compile(
    r"(?:[A-Za-z_/]|\.[A-Za-z_/]|-{1,2}[A-Za-z])[A-Za-z0-9_./@%+=-]*|[0-9]+(?:ms|s|m|h|MB|MiB|GB|GiB)|[0-9]+(?:\.[0-9]+){3}"
)
_SENTENCE: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@%+=-]*(?: -{0,2}[A-Za-z0-9_./@%+=][A-Za-z0-9_./@%+=-]*)*")
_RESERVED: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "=", "<<", ".inf", ".nan"})
_ORDER: Final = {key: position for position, key in enumerate(SERVICE_FIELDS)}
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Rendered(NamedTuple):
    """The text, and for each line (1-based) the service and the key of the manifest that it belongs to."""

    text: str
    owners: dict[int, tuple[str, str]]


class _Page:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.owners: dict[int, tuple[str, str]] = {}

    def add(self, lines: list[str], owner: tuple[str, str] = ("", "")) -> None:
        for line in lines:
            self.lines.append(line)
            self.owners[len(self.lines)] = owner


def render(stack: Stack, title: str) -> Rendered:
    """Return the manifest of a draft."""
    page = _Page()
    page.add(
        [f"# Imported by `mamctl import` from {printable(title)}. `mamctl validate` checks it, `mamctl up` runs it."]
    )
    page.add([_remark(note, title) for note in stack.notes])
    page.add([f"name: {scalar(stack.name)}"], ("", "name"))
    for key, value in stack.keys.items():
        page.add(["", *_entry(key, value, 0)], ("", key))
    page.add(["", "services:"])
    for service in stack.services.values():
        _add_service(page, service)
    return Rendered("\n".join(page.lines) + "\n", page.owners)


def _add_service(page: _Page, service: Service) -> None:
    page.add(
        [
            f"  # {printable(service.file)}, line {service.line}",
            *(f"  {_remark(note, service.file)}" for note in service.notes),
        ]
    )
    page.add([f"  {scalar(service.name)}:"], (service.name, ""))
    for key in sorted(service.keys, key=lambda key: _ORDER.get(key, len(_ORDER))):
        page.add(_entry(key, _short(key, service.keys[key]), 4), (service.name, key))
    page.add([""])


def _short(key: str, value: Any) -> Any:
    """Return a restart policy alone as its word."""
    return value["policy"] if key == "restart" and isinstance(value, dict) and value.keys() == {"policy"} else value


def _remark(note: Note, file: str) -> str:
    """Return a note as a comment; what is in another file than `file` says so."""
    what = "left out" if note.left_out else "note"
    elsewhere = "" if note.file in ("", file) else printable(note.file)
    place = f"{elsewhere}, line {note.line}" if elsewhere else f"line {note.line}"
    where = f"{printable(note.key)} ({place}): " if note.key else f"{elsewhere}: " if elsewhere else ""
    return f"# {what}: {where}{printable(note.message, 400)}"


def printable(text: str, longest: int = 120) -> str:
    """Return a text in one line, short enough for a comment or a report."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def _entry(key: str, value: Any, indent: int) -> list[str]:
    begin = f"{' ' * indent}{scalar(key)}:"
    flow = _flow(value)
    if isinstance(value, str) and "\n" in value and _can_be_block(value):
        return [f"{begin} |-", *(f"{' ' * (indent + 2)}{line}" if line else "" for line in value.split("\n"))]
    block = isinstance(value, dict | list) and value and (key == "env" or len(begin) + len(flow) >= WIDTH)
    if not block:
        return [f"{begin} {flow}"]
    if isinstance(value, dict):
        return [begin, *(line for part, inner in value.items() for line in _entry(part, inner, indent + 2))]
    return [begin, *(f"{' ' * (indent + 2)}- {_flow(item)}" for item in value)]


def _can_be_block(text: str) -> bool:
    lines = text.split("\n")
    return all(line.isprintable() and line == line.rstrip() for line in lines) and all(
        line and line[0] != " " for line in (lines[0], lines[-1])
    )


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(key)}: {_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else scalar(value)


def scalar(text: str) -> str:
    """Return a text as YAML: plain when it means itself wherever it stands, else in double quotes."""
    plain = _PLAIN.fullmatch(text) or _SENTENCE.fullmatch(text)
    if plain and text.lower() not in _RESERVED:
        return text
    return f'"{"".join(_letter(letter) for letter in text)}"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
