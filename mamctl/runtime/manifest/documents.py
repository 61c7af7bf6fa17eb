"""One manifest file: its values at once, the places of its keys when somebody asks."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.errors import UsageError
from mamctl.core.manifest.shapes import WrittenFloat

from .faults import Fault

if TYPE_CHECKING:
    from mamctl.core.manifest.findings import Path, Tree

    from .nodes import Node

LARGEST: Final = 16 << 20
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Place(NamedTuple):
    """Where a key path is written: how many of its parts are there, and the place of the last of these (1-based)."""

    matched: int
    line: int
    column: int


class Document:
    """A manifest file that was read. `tree` are its plain values."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.folder = os.path.dirname(path)
        self.text = text
        # What is wrong although the text could be read: duplicate keys.
        self.faults: list[Fault] = []
        self._root: Node | None = None
        self.tree = self._read()

    def _read(self) -> Tree:
        if self.path.endswith(".toml"):
            return _toml(self.text)
        if self.text.lstrip()[:1] == "{" and (json := _json(self.text)):
            tree, twice = json
            if twice:
                self._nodes()
            return tree
        return self._yaml()

    def _yaml(self) -> Tree:
        from .nodes import compose, plain

        self._root, self.faults = compose(self.text)
        value = plain(self._root)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Fault(
                self._root.line, self._root.column, "must be a map", "write services: with the services beneath"
            )
        return value

    def place(self, path: Path) -> Place:
        """Return where a key path is written, or its longest part that is."""
        if self.path.endswith(".toml"):
            from .toml_places import place

            return place(self.text, path)
        return _in_nodes(self._nodes(), path)

    def _nodes(self) -> Node:
        if self._root is None:
            self._root, self.faults = _nodes_of_json(self.text)
        return self._root


def _in_nodes(node: Node, path: Path) -> Place:
    line, column = node.line, node.column
    for matched, part in enumerate(path):
        step = node.step(part)
        if step is None:
            return Place(matched, line, column)
        key, node = step
        line, column = key.line, key.column
    return Place(len(path), line, column)


def _nodes_of_json(text: str) -> tuple[Node, list[Fault]]:
    """Return nodes of a JSON text, which is YAML but for tabs and escaped surrogates; neither moves a place."""
    from .nodes import Node, compose

    try:
        return compose(_SURROGATE.sub(r"\\u0020", text.replace("\t", " ")))
    except Fault as fault:
        return Node(1, 1), [fault]


def _json(text: str) -> tuple[Tree, bool] | None:
    """Return the values of a JSON text, and whether a key is there twice; None for text that is no JSON."""
    import json

    twice: list[bool] = []

    def unique(pairs: list[tuple[str, object]]) -> Tree:
        tree = dict(pairs)
        if len(tree) != len(pairs):
            twice.append(True)
        return tree

    try:
        tree = json.loads(text, object_pairs_hook=unique, parse_float=_float, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return tree, bool(twice)


def _float(text: str) -> float:
    number = WrittenFloat(text)
    number.text = text
    return number


def _refuse(name: str) -> object:
    raise ValueError(name)


def _toml(text: str) -> Tree:
    import tomllib

    try:
        return {key: _dated(value) for key, value in tomllib.loads(text, parse_float=_float).items()}
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, 1)
        message = str(error)[: place.start()] if place else str(error).removesuffix(" (at end of document)")
        raise Fault(line, column, f"is not TOML: {message}", "check the quotes and brackets near here") from error
    except (ValueError, RecursionError) as error:
        raise Fault(1, 1, f"is not TOML: {error}") from error


def _dated(value: object) -> object:
    """Return the value with dates and times as text: the manifest has no use for others."""
    if isinstance(value, dict):
        return {key: _dated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated(item) for item in value]
    return value if isinstance(value, str | int | float) else str(value)


def read_text(path: str) -> str:
    """Return the text of a file. Raises `UsageError` when there is none, and `Fault` when it is not UTF-8."""
    try:
        if not os.path.isfile(path):
            raise UsageError(f"{path}: {'is not a file' if os.path.exists(path) else 'there is no such file'}")
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise Fault(1, 1, f"is larger than {LARGEST >> 20} MiB")
    return _decoded(data)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise Fault(line, column, "is not UTF-8", "save the file as UTF-8") from error
