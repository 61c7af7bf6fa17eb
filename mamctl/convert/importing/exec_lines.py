"""systemd's Exec lines: prefixes, quotes, specifiers as `%i`, and variables, which systemd fills in without a shell."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.convert.importing.commands import filled
from mamctl.convert.importing.unit_words import words as split
from mamctl.convert.importing.value import Unfit, Value, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mamctl.convert.importing.stack import Service

_PREFIXES: Final = {
    "@": "the name that the program is told is its own",
    "-": "a failure of it is a failure here",
    "+": "it has no other rights than its service",
    "!": "it has no other rights than its service",
    "|": "it is started without a login shell",
}
_MARK: Final = re.compile(r"%(.)|\$\$|\$\{(\w+)\}|^\$(\w+)$")
# systemd's name for the process of a service, and ours.
_NAMES: Final = {"MAINPID": "MAMCTL_PID"}
# What makes two commands of one line, and the same as a word.
_NEXT: Final = re.compile(r"(?:^|\s)(?:;|\\;)(?=\s|$)|\"(?:\\.|[^\"\\])*\"|'[^']*'")
Piece = tuple[str, str]
# `${NAME}`, which is one word whatever is in it, and `$NAME`.
_OF_SYSTEMD: Final = ("env", "word")


class Specifiers(NamedTuple):
    """The name of a unit, with which `%n`, `%p` and `%i` are filled in."""

    unit: str

    def pieces(self, written: str) -> Iterator[Piece]:
        """Yield texts, references of ours (`ours`) and variables of systemd (`env`, `word`). Raises Unfit."""
        position = 0
        for found in _MARK.finditer(written):
            yield "text", written[position : found.start()]
            yield self._piece(found)
            position = found.end()
        yield "text", written[position:]

    def _piece(self, found: re.Match[str]) -> Piece:
        if found[1]:
            return self._specified(found[1])
        if found[0] == "$$":
            return "text", "$"
        return ("env", found[2]) if found[2] else ("word", found[3])

    def _specified(self, letter: str) -> Piece:
        prefix, _, instance = self.unit.partition("@")
        texts = {
            "%": "%", "n": f"{self.unit}.service", "N": self.unit, "p": prefix, "i": instance, "I": instance,
            "H": os.uname().nodename,
        }  # fmt: skip
        ours = {"h": "${HOME}", "u": "${USER:-root}", "t": "${XDG_RUNTIME_DIR:-/run}"}
        if letter in texts and not (letter in "iI" and not instance):
            return "text", texts[letter]
        if letter in ours:
            return "ours", ours[letter]
        if letter in "iI":
            raise Unfit("the unit is a template: import it as NAME@INSTANCE.service, whether that file exists or not")
        raise Unfit("uses a specifier that is not known here; write the text itself")

    def tell(self, written: str) -> str:
        """Return a text without variables of systemd as one of ours."""
        parts = [(f"${{{name}}}" if kind == "env" else name, kind == "ours") for kind, name in self._texts(written)]
        return filled(parts)

    def _texts(self, written: str) -> Iterator[Piece]:
        """Yield the same where systemd fills in no variables: a dollar is one."""
        position = 0
        for found in re.finditer(r"%(.)", written):
            yield "text", written[position : found.start()]
            yield self._specified(found[1])
            position = found.end()
        yield "text", written[position:]


def words_of(value: Value, service: Service, unit: str) -> tuple[list[str], str | None]:
    """Return the words of a line, or (as the second) the line for a shell when variables are in it."""
    line, plain = _without_prefixes(value, service)
    words = split(line)
    if not words:
        raise Unfit("is empty")
    pieces = [list(Specifiers(unit).pieces(word)) for word in words]
    if plain or not any(kind in _OF_SYSTEMD for word in pieces for kind, _ in word):
        return [filled(_literal(word)) for word in pieces], None
    return [], " ".join(filled(_in_shell(word)) for word in pieces)


def _without_prefixes(value: Value, service: Service) -> tuple[str, bool]:
    """Return the line without what stands before its program, and whether variables mean nothing in it."""
    line, plain, renamed = text(value).strip(), False, False
    while line[:1] in _PREFIXES or line[:1] == ":":
        if line[0] == ":":
            plain = True
        else:
            service.note(value, _PREFIXES[line[0]])
        renamed = renamed or line[0] == "@"
        line = line[1:].lstrip()
    if renamed:
        words = line.split(maxsplit=2)
        line = " ".join([words[0], *words[2:]]) if words else ""
    return line, plain


def _literal(pieces: Sequence[Piece]) -> list[tuple[str, bool]]:
    return [(f"${{{name}}}" if kind in _OF_SYSTEMD else name, kind == "ours") for kind, name in pieces]


def _in_shell(pieces: Sequence[Piece]) -> list[tuple[str, bool]]:
    if len([piece for piece in pieces if piece != ("text", "")]) == 1:
        kind, name = next(piece for piece in pieces if piece != ("text", ""))
        if kind == "text":
            return [(shlex.quote(name), False)]
        if kind == "word":
            # systemd splits a variable that stands alone, without braces, into words.
            return [(f"${_NAMES.get(name, name)}", False)]
    inner = [
        (f"${{{_NAMES.get(name, name)}}}", False) if kind in _OF_SYSTEMD else (_escaped(name, kind), kind == "ours")
        for kind, name in pieces
    ]
    return [('"', False), *inner, ('"', False)]


def _escaped(name: str, kind: str) -> str:
    return name if kind == "ours" else re.sub(r'(["\\`$])', r"\\\1", name)


def commands_of(value: Value) -> list[Value]:
    """Return the commands of a line of a oneshot unit, where a `;` that stands alone is between two of them."""
    line, parts, start = value.text or "", [], 0
    for found in _NEXT.finditer(line):
        if found[0].strip() == ";":
            parts.append(line[start : found.start()])
            start = found.end()
    parts.append(line[start:])
    return [Value(value.line, value.file, value.path, part.strip()) for part in parts if part.strip()]


def _prefix(line: str) -> str:
    """Return what stands before the program of a line."""
    line = line.strip()
    return line[: len(line) - len(line.lstrip("@-:+!|"))]


def as_words(value: Value, service: Service, unit: str) -> list[str]:
    """Return a line as words, with a shell in front where variables are in it."""
    words, line = words_of(value, service, unit)
    return words if line is None else ["/bin/sh", "-c", f"exec {line}"]


def as_keys(values: Sequence[Value], service: Service, unit: str, *, forgiving: bool = False) -> dict[str, Any]:
    """Return the keys for one line, or for several that are run one after the other.

    `forgiving`: a line whose failure does not count (`-`) has none here either.
    """
    forgiven = [forgiving and "-" in _prefix(value.text or "") for value in values]
    found = [words_of(value, service, unit) for value in values]
    if any(forgiven):
        service.notes[:] = [note for note in service.notes if note.message != _PREFIXES["-"]]
    if len(found) == 1 and not forgiven[0]:
        words, line = found[0]
        return {"command": words} if line is None else {"command": f"exec {line}", "shell": True}
    lines = [shlex.join(words) if line is None else line for words, line in found]
    lines = [f"{{ {line} || true; }}" if forgives else line for line, forgives in zip(lines, forgiven, strict=True)]
    return {"command": " && ".join(lines), "shell": True}
