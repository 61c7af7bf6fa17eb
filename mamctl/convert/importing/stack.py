"""A draft of a stack: services as the keys of our manifest, and what is to be told about each of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mamctl.convert.importing.commands import literal
from mamctl.convert.importing.value import Unfit
from mamctl.core.manifest.shapes import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mamctl.convert.importing.value import Value

# More than anybody has, and few enough to be checked against each other.
MOST_SERVICES: Final = 1000
ONE_SOCKET: Final = "processes of one service do not share a socket here: let the server fork its workers"
# The path of a service that is all that its file is about.
WHOLE_FILE: Final = "*"
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")


class Note(NamedTuple):
    """One thing that people must know: `left_out`, or represented by something else (`changed`). No values in it."""

    file: str
    line: int
    key: str
    left_out: bool
    message: str


class Surroundings(NamedTuple):
    """Where it is imported: the folder of the source, that of the manifest, and the environment's variables."""

    folder: str
    target: str
    environ: Mapping[str, str]

    def path(self, written: str) -> str:
        """Return a path of the source as the manifest names it; with variables in it, as it is."""
        if written.startswith(("$", "~")):
            return os.path.expanduser(written)
        if os.path.isabs(written) and not f"{os.path.normpath(written)}/".startswith(f"{self.folder}/"):
            return written
        inside = os.path.relpath(self.folder, self.target)
        return os.path.normpath(os.path.join(inside, os.path.relpath(os.path.join(self.folder, written), self.folder)))

    def variable(self, name: str) -> str:
        """Return the reference to a variable; one that is not set now may be missing later, too."""
        return f"${{{name}}}" if name in self.environ else f"${{{name}:-}}"


@dataclass(slots=True)
class Service:
    """One service. `tell` makes text of ours from text of the source; `keys` are those of the manifest."""

    name: str
    file: str
    line: int
    around: Surroundings
    path: str = ""
    tell: Callable[[str], str] = literal
    # The same for what a shell is given, which knows variables itself.
    shell_text: Callable[[str], str] = literal
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def set(self, path: tuple[str, ...], value: object) -> None:
        """Set a key, also one inside of another: `("stop", "grace")`."""
        inner = self.keys
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value

    def add_env(self, pairs: Mapping[str, str | None]) -> None:
        """Add variables."""
        self.keys.setdefault("env", {}).update(pairs)

    def note(self, value: Value, message: str) -> None:
        """Tell that a value is represented by something that is not quite the same."""
        self.notes.append(Note(value.file, value.line, value.path, left_out=False, message=message))


@dataclass(slots=True)
class Stack:
    """All services by name, in order, and the keys above them."""

    around: Surroundings
    name: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    # What became of each name of the source.
    renamed: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: Value, *, of: str | None = None) -> Service:
        """Add a service under its name, or the nearest one that is allowed and free. `of`: its name in the source.

        Raises Unfit when there are too many.
        """
        if len(self.services) >= MOST_SERVICES:
            raise Unfit(f"makes more than {MOST_SERVICES} services")
        ours = _free(_allowed(name), self.services)
        service = Service(ours, value.file, value.line, self.around, value.path)
        self.renamed.setdefault(name if of is None else of, []).append(ours)
        if ours != name:
            service.note(value, f"its name is {ours} here")
        self.services[ours] = service
        return service

    def note(self, value: Value, message: str) -> None:
        """Tell that a value is represented by something that is not quite the same."""
        self.notes.append(Note(value.file, value.line, value.path, left_out=False, message=message))

    def tell_of_override(self, file: str) -> None:
        """Tell of the file beside `file` that its program would merge into it."""
        stem, ending = os.path.splitext(os.path.basename(file))
        for name in (f"{stem}.override{ending}", f"{stem}.override{'.yml' if ending == '.yaml' else '.yaml'}"):
            if os.path.exists(os.path.join(self.around.folder, name)):
                message = "it is merged into the other there, and is not read here: write a services.override.yaml"
                self.notes.append(Note("", 0, name, left_out=True, message=message))

    def leave(self, value: Value, message: str) -> None:
        """Tell of something that is left out."""
        self.notes.append(Note(value.file, value.line, value.path, left_out=True, message=message))


def all_notes(stack: Stack) -> list[Note]:
    """Return all notes in the order of the files' lines."""
    notes = [*stack.notes, *(note for service in stack.services.values() for note in service.notes)]
    return sorted(dict.fromkeys(notes), key=lambda note: (note.file, note.line, note.key))


def _allowed(name: str) -> str:
    made = _NOT_A_NAME.sub("-", name).strip("-._")[:60]
    return name if is_name(name) else made or "service"


def _free(name: str, taken: Mapping[str, object]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:56]}-{number}"
    return free
