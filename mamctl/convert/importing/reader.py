"""Which format a file has, and its way to a manifest."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.detect import safe_name
from mamctl.convert.importing.files import MASKED, Unreadable, is_masked, read, refuse, template_of
from mamctl.convert.importing.settling import settle
from mamctl.convert.importing.stack import WHOLE_FILE, Note, Service, Stack, Surroundings, all_notes
from mamctl.convert.importing.value import Unfit, Value, leftovers, parts
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from mamctl.core.errors import Problem

NO_COUNTERPART: Final = "has no counterpart here"
_FALSE: Final = ("false", "no", "off")
# From here on files are counted, not named.
_MANY: Final = 4
# Format -> how it is called. Each has a module of its name with `draft`.
FORMATS: Final[Mapping[str, str]] = {
    "procfile": "a Procfile",
    "supervisord": "a supervisord.conf",
    "compose": "a compose file",
    "process-compose": "a process-compose.yaml",
    "pm2": "an ecosystem file of pm2",
    "circus": "a circus.ini",
    "systemd": "a unit of systemd",
}


class Source(NamedTuple):
    """One file: its path, how it is shown, and its text."""

    path: str
    shown: str
    text: str


class Tools(NamedTuple):
    """What is needed from elsewhere. `yaml` reads a text (the second word names its file) and raises Unreadable.

    `check` returns what is wrong in the text of a manifest; `environ` are the variables of this shell.
    """

    yaml: Callable[[str, str], Value]
    check: Callable[[str], Sequence[Problem]]
    environ: Mapping[str, str]


class Imported(NamedTuple):
    """The text of a valid manifest, the names of its services, and what to tell about the way."""

    format: str
    text: str
    services: tuple[str, ...]
    notes: tuple[Note, ...]


def convert(paths: Sequence[str], target: str, tools: Tools, *, format_name: str | None = None) -> Imported:
    """Return the manifest for files of another program; `target` is the folder that it is written for.

    Raises UsageError for a file that is not there, Unreadable for one that is not of its format.
    """
    started = [path for path in paths if not is_masked(path)] or paths
    sources = [
        Source(os.path.abspath(path), os.path.relpath(path), read(template_of(path), os.path.relpath(path)))
        for path in started
    ]
    kind = format_name or _format_of(sources)
    if len(sources) > 1 and kind != "systemd":
        raise UsageError("only systemd units are imported several at once", "import them one by one")
    folder = os.path.dirname(sources[0].path)
    stack = Stack(Surroundings(folder, target, tools.environ), safe_name(os.path.basename(target)) or "stack")
    module = import_module(f"mamctl.convert.importing.{kind.replace('-', '_')}")
    try:
        roots: list[Value] = module.draft(sources, stack, tools)
    except Unfit as unfit:
        raise Unreadable(FORMATS[kind], (refuse(sources[0].shown, 1, f"something in it {unfit}"),)) from unfit
    for root in roots:
        _tell_of_leftovers(root, stack, getattr(module, "ADVICE", {}), getattr(module, "OFF", frozenset()))
    _place(stack)
    _leave_unsaid(stack)
    stack.notes += [
        Note(os.path.relpath(path), 1, "", left_out=True, message=MASKED) for path in paths if path not in started
    ]
    advice = (NO_COUNTERPART, *getattr(module, "ADVICE", {}).values())
    text = settle(stack, _title(sources), tools.check, advice)
    return Imported(kind, text, tuple(stack.services), tuple(all_notes(stack)))


def _title(sources: Sequence[Source]) -> str:
    """Return how the sources are called together."""
    shown = [source.shown for source in sources]
    return ", ".join(shown) if len(shown) < _MANY else f"{shown[0]} and {len(shown) - 1} others"


def _place(stack: Stack) -> None:
    """Let services run where they did when the manifest lies elsewhere."""
    inside = stack.around.path(".")
    for service in stack.services.values():
        folder = service.keys.setdefault("cwd", inside)
        if folder == ".":
            del service.keys["cwd"]


# What is so anyway, and was written down because people of other programs do.
_UNSAID: Final[Mapping[tuple[str, ...], object]] = {
    ("manual",): False,
    ("tty",): False,
    ("success_exit_codes",): [0],
    ("stop", "signal"): "TERM",
}


def _leave_unsaid(stack: Stack) -> None:
    """Take out keys that say what is so without them."""
    for service in stack.services.values():
        for path, value in _UNSAID.items():
            outer = service.keys if len(path) == 1 else service.keys.get(path[0])
            if isinstance(outer, dict) and path[-1] in outer and outer[path[-1]] == value:
                del outer[path[-1]]
            if len(path) > 1 and outer == {}:
                del service.keys[path[0]]


def _tell_of_leftovers(root: Value, stack: Stack, advice: Mapping[str, str], switches: Container[str]) -> None:
    """Tell of what nobody has represented; of `switches` that are off, that they need nothing."""
    for value in leftovers(root):
        key = value.path.rpartition(".")[2]
        off = key in switches and (value.text or "").lower() in _FALSE
        why = (
            "it is off, and so it is here"
            if off
            else _with_parts(value, value.why or advice.get(key) or NO_COUNTERPART)
        )
        owner = next(_owners(value, stack), None)
        note = Note(value.file, value.line, value.path, left_out=not off, message=why)
        (owner.notes if owner else stack.notes).append(note)


def _with_parts(value: Value, why: str) -> str:
    within = _within(value)
    return f"{why} (with {f'all {within} that are' if within > 1 else 'what is'} in it)" if within else why


def _within(value: Value) -> int:
    """Return how many values are in a value; one that may be written several times, and is once, counts as itself."""
    items = value.items or ()
    return 0 if len(items) == 1 and items[0].path == value.path else sum(1 for _ in parts(value))


def _owners(value: Value, stack: Stack) -> Iterator[Service]:
    for service in stack.services.values():
        inside = service.path == WHOLE_FILE or (service.path and value.path.startswith(f"{service.path}."))
        # A drop-in of a unit is about the same service.
        if inside and (value.file == service.file or value.file.startswith(f"{service.file}.d/")):
            yield service


def _format_of(sources: Sequence[Source]) -> str:
    kinds = [_by_name(os.path.basename(source.path)) or _by_content(source.text) for source in sources]
    kind = kinds[0]
    if kind is None or kind not in FORMATS:
        raise UsageError(
            f"{sources[0].shown}: of no format that is known here", f"name it: --format {', '.join(FORMATS)}"
        )
    return kind


_NAMES: Final = (
    ("procfile", re.compile(r"Procfile.*|.*\.procfile", re.IGNORECASE)),
    ("systemd", re.compile(r".*\.service")),
    ("process-compose", re.compile(r"process-compose.*\.ya?ml")),
    ("compose", re.compile(r"(docker-)?compose.*\.ya?ml")),
    ("supervisord", re.compile(r"supervisord?.*\.(conf|ini)")),
    ("circus", re.compile(r"circus.*\.(ini|conf)")),
    ("pm2", re.compile(r".*\.config\.[cm]?js|(ecosystem|pm2|processes).*\.([cm]?js|json5?|ya?ml)")),
)
_OF_A_PROCFILE: Final = re.compile(r"[A-Za-z0-9_-]+:[ \t]*\S")
_CONTENTS: Final = (
    ("circus", re.compile(r"^\[(circus|watcher:)", re.MULTILINE)),
    ("supervisord", re.compile(r"^\[(supervisord|program:|fcgi-program:|eventlistener:|group:|include)", re.MULTILINE)),
    ("systemd", re.compile(r"^\[Service\][ \t]*$", re.MULTILINE)),
    ("process-compose", re.compile(r"^processes:", re.MULTILINE)),
    ("pm2", re.compile(r"^apps:|\bmodule\.exports\b|\A\s*\{\s*\"apps\"", re.MULTILINE)),
    ("compose", re.compile(r"^services:|\A\s*\{\s*\"services\"", re.MULTILINE)),
)


def _by_name(name: str) -> str | None:
    if name in ("services.yaml", "services.yml"):
        raise UsageError(f"{name} is a manifest of mamctl by its name", "--format NAME says that it is something else")
    return next((kind for kind, pattern in _NAMES if pattern.fullmatch(name)), None)


def _by_content(text: str) -> str | None:
    found = next((kind for kind, pattern in _CONTENTS if pattern.search(text)), None)
    lines = [line for line in text.split("\n") if line.strip() and line[0] != "#"]
    if found is None and lines and all(_OF_A_PROCFILE.match(line) for line in lines):
        return "procfile"
    return found
