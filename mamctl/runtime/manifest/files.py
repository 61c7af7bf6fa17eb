"""All files of one manifest: itself, its override, what it includes, and env files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from mamctl.core.errors import ManifestError, Problem, UsageError
from mamctl.core.manifest.draft import Drafted, env_files
from mamctl.core.manifest.layers import (
    Entry,
    Layer,
    Mention,
    Smoke,
    Surroundings,
    Unit,
    check_top,
    includes,
    top_env_files,
    unite,
)

from .documents import Document, read_text
from .faults import Fault
from .override import override_of
from .places import Places, relative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.findings import Findings

_NOTHING: Final[Mapping[str, str]] = {}


class Files:
    """Reads each file once, and knows where things are written in them. `read` are the absolute paths, in order."""

    def __init__(self, path: str, environ: Mapping[str, str], found: Findings) -> None:
        self._path = path
        self._folder = os.path.dirname(path)
        self._environ = environ
        self._found = found
        self._documents: dict[str, Document] = {}
        self._pairs: dict[str, Mapping[str, str]] = {}
        self._entries: dict[str, Entry] = {}
        self._problems: list[Problem] = []
        self.read: list[str] = []
        # The steps of included files come before those of who includes them.
        self.smoke: list[Smoke] = []
        # A manifest file could not be understood, so services may be unknown.
        self.broken = False

    def root(self) -> Unit:
        """Return the manifest's unit with all that it includes. Raises `UsageError` when there is no such file."""
        document = self._document(self._path)
        override = override_of(self._path)
        over = self._document(override) if override else None
        unit = self._unit([layer for layer in (document, over) if layer], ())
        self._entries = unit.services
        self._keep_steps(unit)
        if document and document.tree.get("services") is None and not unit.services:
            self._found.add((), "there are no services", "write services: {name: {command: [...]}}", file=self._path)
        return unit

    def _document(self, path: str) -> Document | None:
        """Return a manifest file, or None with a problem when it cannot be understood."""
        try:
            text = read_text(path)
            self.read.append(path)
            document = Document(path, text)
        except Fault as fault:
            self._fault(path, fault)
            self.broken = True
            return None
        for twice in document.faults:
            self._fault(path, twice)
        self._documents[path] = document
        return document

    def _fault(self, path: str, fault: Fault) -> None:
        file = relative(path, self._folder)
        self._problems.append(Problem(file, fault.line, fault.column, fault.key, fault.message, fault.hint))

    def _unit(self, documents: list[Document], opened: tuple[str, ...]) -> Unit:
        if not documents:
            return Unit(None, {})
        layers = [check_top(_layer(document), self._found) for document in documents]
        pairs: dict[str, str] = {}
        for mention in top_env_files(layers, self._environ, self._found):
            pairs.update(self._env_file(mention))
        beneath: dict[str, Entry] = {}
        for mention in includes(layers, {**pairs, **self._environ}, self._found):
            self._include(mention, beneath, (*opened, documents[0].path))
        return unite(layers, Surroundings(self._environ, pairs, beneath), self._found)

    def _include(self, mention: Mention, beneath: dict[str, Entry], opened: tuple[str, ...]) -> None:
        """Add an included file's services to those of the files before it; a file that was read before adds nothing."""
        path = mention.file.path
        if path in opened:
            circle = " -> ".join(relative(file, self._folder) for file in (*opened[opened.index(path) :], path))
            self._refuse(mention, f"the files include each other: {circle}", "remove one of these includes")
        elif path not in self.read:
            self._read_include(mention, beneath, opened)

    def _read_include(self, mention: Mention, beneath: dict[str, Entry], opened: tuple[str, ...]) -> None:
        try:
            document = self._document(mention.file.path)
        except UsageError as error:
            self._refuse(mention, error.message, "the path is relative to the file that names it")
            return
        unit = self._unit([document] if document else [], opened)
        self._keep_steps(unit)
        if unit.control is not None:
            hint = f"write it in {os.path.basename(self._path)}"
            self._found.add(
                ("control",), "an included file cannot say where the stack answers", hint, file=mention.file.path
            )
        for name, entry in unit.services.items():
            self._define(name, entry, beneath)

    def _keep_steps(self, unit: Unit) -> None:
        self.smoke += [unit.smoke] if unit.smoke else []

    def _refuse(self, mention: Mention, message: str, hint: str) -> None:
        self._found.add(mention.at, message, hint, file=mention.by)

    def _define(self, name: str, entry: Entry, beneath: dict[str, Entry]) -> None:
        if name in beneath:
            first = relative(beneath[name].files[-1], self._folder)
            self._found.add(
                ("services", name), f"{name} is defined in {first} too", "rename one of them", file=entry.files[-1]
            )
        beneath[name] = entry

    def service_env_files(self, drafts: Mapping[str, Drafted]) -> Mapping[str, Mapping[str, str]]:
        """Return the pairs of all env files that services name, by path."""
        for mention in env_files(drafts):
            self._env_file(mention)
        return self._pairs

    def _env_file(self, mention: Mention) -> Mapping[str, str]:
        path, required = mention.file
        if path in self._pairs or (not required and not os.path.lexists(path)):
            return self._pairs.get(path, _NOTHING)
        try:
            self._pairs[path] = self._read_env_file(path)
        except UsageError as error:
            self._refuse(mention, error.message, "write {path: ..., required: false} if it may be missing")
        except Fault as fault:
            self._fault(path, fault)
        return self._pairs.get(path, _NOTHING)

    def _read_env_file(self, path: str) -> Mapping[str, str]:
        from mamctl.core.manifest.dotenv import parse

        text = read_text(path)
        self.read.append(path)
        pairs, faults = parse(text)
        for line, message, hint in faults:
            self._fault(path, Fault(line, 1, message, hint))
        return pairs

    def refuse(self) -> None:
        """Raise `ManifestError` with all problems, in the order of the files, if there are any."""
        if not self._problems and not self._found.all:
            return
        problems = self._problems + self.places().problems(self._found.all)
        order = {relative(path, self._folder): index for index, path in enumerate(self.read)}
        raise ManifestError(tuple(sorted(dict.fromkeys(problems), key=lambda problem: _order(problem, order))))

    def places(self) -> Places:
        """Return where things are written in the files read so far; overrides come before what they override."""
        return Places(self._folder, dict(reversed(self._documents.items())), self._entries)


def _order(problem: Problem, files: Mapping[str, int]) -> tuple[int, int, int]:
    return files.get(problem.file, len(files)), problem.line, problem.column


def _layer(document: Document) -> Layer:
    # A backslash may be the escape of a dollar sign.
    return Layer(document.path, document.folder, document.tree, dollar="$" in document.text or "\\" in document.text)
