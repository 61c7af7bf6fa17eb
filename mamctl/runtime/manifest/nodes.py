"""YAML text as nodes that know their places, and as plain values.

Nodes are made from libyaml's events without recursion, because its own composer dies of deep nesting. Plain scalars
follow YAML 1.2 (`yes`, `on` and `12:30` are text). A number keeps how it was written. Anchors, aliases and merge keys
(`<<`) work; duplicate keys, tags of other kinds and nesting beyond bounds are errors.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

import yaml

from mamctl.core.dataclass import dataclass
from mamctl.core.manifest.shapes import WrittenFloat, WrittenInt

from .faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

# libyaml's parser, where this PyYAML was built with it.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST: Final = 64
LARGEST: Final = 200_000
_INT: Final = re.compile(r"[-+]?[0-9]+$|0o[0-7]+$|0x[0-9a-fA-F]+$")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# What the parser says it is in the middle of, and the sign that people wrote for it.
_OPENERS: Final = {"flow sequence": "[", "flow mapping": "{", "quoted scalar": "quote"}
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place. Maps hold pairs of key and value nodes, lists their items, scalars a Python value."""

    line: int
    column: int
    value: object = None
    text: str | None = None
    pairs: list[tuple[Node, Node]] | None = None
    items: list[Node] | None = None
    merges: list[Node] = field(default_factory=list)
    size: int = 1
    # A plain `<<`: as a key it merges maps.
    merge: bool = False

    def step(self, part: str | int) -> tuple[Node, Node] | None:
        """Return where one part of a key path stands and what it leads to; a word also finds an equal list item."""
        if isinstance(part, str) and self.items is None:
            return self.find(part)
        for index, item in enumerate(self.items or ()):
            if part in (index, item.text):
                return item, item
        return None

    def find(self, key: str) -> tuple[Node, Node] | None:
        """Return the key and value nodes of a map's key, also through merge keys."""
        for pair in self.pairs or ():
            if pair[0].text == key:
                return pair
        for merged in self.merges:
            if found := merged.find(key):
                return found
        return None


def compose(text: str) -> tuple[Node, list[Fault]]:
    """Return the one document of a YAML text, and its duplicate keys. Raises `Fault` for what cannot be read."""
    composer = _Composer()
    try:
        # The generator is closed with the parser, whatever happens.
        for event in yaml.parse(text, _LOADER):
            composer.take(event)
    except yaml.YAMLError as error:
        raise _syntax(error, text) from error
    return composer.root or Node(1, 1), composer.duplicates


class _Composer:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.duplicates: list[Fault] = []
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []
        # For each open map the key whose value comes next.
        self._keys: list[Node | None] = []

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root:
            raise _fault(event, "a second document begins", "keep one document: remove the line ---")

    def _node(self, event: yaml.NodeEvent) -> None:
        node = self._made(event)
        self.root = self.root or node
        self._attach(node, event)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) >= DEEPEST:
                raise _fault(event, f"is nested more than {DEEPEST} deep")
            self._open.append(node)
            self._keys.append(None)

    def _made(self, event: yaml.NodeEvent) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        node = Node(*_place(event))
        if isinstance(event, yaml.ScalarEvent):
            node.text = event.value
            node.value = self._scalar(event)
            node.merge = event.implicit[0] and event.value == "<<"
        elif isinstance(event, yaml.MappingStartEvent):
            node.pairs = []
        else:
            node.items = []
        if isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise _fault(event, f"there is no anchor &{event.anchor}", "an anchor stands before its aliases")
        if node in self._open:
            raise _fault(event, f"*{event.anchor} stands inside itself")
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text: str = event.value
        if event.tag and event.tag not in ("!", f"{_TAG}str"):
            return self._tagged(event, text)
        if event.tag or not event.implicit[0]:
            return text
        return self._plain(event, text)

    def _tagged(self, event: yaml.ScalarEvent, text: str) -> object:
        if event.tag not in [f"{_TAG}{kind}" for kind in ("int", "float", "bool", "null")]:
            raise _fault(event, f"the tag {event.tag} is not known", "leave it out")
        return self._plain(event, text)

    def _plain(self, event: yaml.ScalarEvent, text: str) -> object:
        if text in _WORDS:
            return _WORDS[text]
        try:
            return _number(text) if text[0] in "+-.0123456789" else text
        except ValueError as error:
            raise _fault(event, "the number is too long", "quote it, if it is text") from error

    def _attach(self, node: Node, event: yaml.NodeEvent) -> None:
        """Put a node into the open collection: as an item, a key, or the value of the last key."""
        if not self._open:
            return
        parent = self._open[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            if node.text is None:
                raise _fault(event, "a list or map cannot be a key", "quote it, if it is text")
            self._keys[-1] = node
        else:
            self._keys[-1] = None
            assert parent.pairs is not None
            parent.pairs.append((key, node))
        # An alias adds all that it stands for: what is small as text can be huge as values.
        parent.size += node.size
        if parent.size > LARGEST:
            raise _fault(event, f"the document has more than {LARGEST} values, aliases included")

    def _close(self) -> None:
        node = self._open.pop()
        self._keys.pop()
        if self._open:
            self._open[-1].size += node.size
        _take_merges(node)
        self.duplicates.extend(_duplicates(node))


def _take_merges(node: Node) -> None:
    """Move the values of a complete map's merge keys to where they are looked up last."""
    for key, value in node.pairs or ():
        if key.merge:
            maps = [value] if value.items is None else value.items
            if any(one.pairs is None for one in maps):
                raise Fault(key.line, key.column, "<< takes a map or a list of maps", "write <<: *anchor")
            node.merges.extend(maps)
    if node.merges:
        node.pairs = [pair for pair in node.pairs or () if not pair[0].merge]


def _fault(event: yaml.Event, message: str, hint: str | None = None) -> Fault:
    return Fault(*_place(event), message, hint)


def _check_tag(event: yaml.CollectionStartEvent) -> None:
    if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
        raise _fault(event, f"the tag {event.tag} is not known", "leave it out")


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _duplicates(node: Node) -> Iterator[Fault]:
    seen: dict[str | None, int] = {}
    for key, _ in node.pairs or ():
        if key.text in seen:
            message = f"the key {key.text!r} is there twice, first in line {seen[key.text]}"
            yield Fault(key.line, key.column, message, "keep one of them", key=key.text or "")
        seen.setdefault(key.text, key.line)


def _number(text: str) -> object:
    if _INT.match(text):
        whole = WrittenInt(text, 0 if text[:2] in ("0o", "0x") else 10)
        whole.text = text
        return whole
    if not _FLOAT.match(text):
        return text
    number = WrittenFloat(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    number.text = text
    return number


def plain(node: Node) -> object:
    """Return a node's value as maps, lists and scalars; what aliases share is shared."""
    return _plain(node, {})


def _plain(node: Node, made: dict[int, object]) -> object:
    if node.text is not None or id(node) in made:
        return made.get(id(node), node.value)
    value: object = None
    if node.pairs is not None:
        value = {key: _plain(item, made) for key, item in _entries(node)}
    elif node.items is not None:
        value = [_plain(item, made) for item in node.items]
    made[id(node)] = value
    return value


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield a map's keys, those of merged maps first, so that later and nearer ones win."""
    for merged in reversed(node.merges):
        yield from _entries(merged)
    for key, value in node.pairs or ():
        yield key.text or "", value


def _syntax(error: yaml.YAMLError, text: str) -> Fault:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        position = getattr(error, "position", 0)
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        return Fault(line, column, "a control character stands in the text", "remove it, or write it as an escape")
    line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
    problem = error.problem or error.context or "it ends too early"
    if opened := _opened(error):
        return Fault(line, column, f"is not YAML: {problem}, in the {opened}", "close it, or check what is between")
    return Fault(line, column, f"is not YAML: {problem}", _hint(text, line, problem))


def _opened(error: yaml.MarkedYAMLError) -> str | None:
    """Return which bracket or quote was open, and where: the mistake is often there, lines before."""
    mark, context = error.context_mark, error.context or ""
    sign = next((sign for part, sign in _OPENERS.items() if part in context), None)
    return f"{sign} opened at line {mark.line + 1}, column {mark.column + 1}" if mark and sign else None


def _hint(text: str, line: int, problem: str) -> str | None:
    lines = text.splitlines()
    if "\t" in (lines[line - 1] if line <= len(lines) else ""):
        return "YAML is indented with spaces, never with tabs"
    if "mapping values" in problem:
        return "quote a text that holds ': ', and check the indentation"
    return "check the indentation, quotes and brackets near here"
