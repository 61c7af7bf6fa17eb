"""YAML of other programs as values that know their lines: read by the parser of our own manifests, with its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamctl.convert.importing.files import Unreadable
from mamctl.convert.importing.value import Value, name_paths
from mamctl.core.errors import Problem
from mamctl.runtime.manifest.faults import Fault
from mamctl.runtime.manifest.nodes import Node, compose

if TYPE_CHECKING:
    from collections.abc import Iterator


def yaml_value(text: str, shown: str) -> Value:
    """Return a YAML or JSON text as values. Raises Unreadable, also when a key is there twice."""
    try:
        root, twice = compose(text.replace("\t", " ") if text.lstrip()[:1] in ("{", "[") else text)
    except (Fault, RecursionError) as error:
        fault = error if isinstance(error, Fault) else Fault(1, 1, "is nested too deeply")
        raise Unreadable("YAML", (_problem(fault, shown),)) from error
    if twice:
        raise Unreadable("YAML", tuple(_problem(fault, shown) for fault in twice))
    value = _value(root, shown, {})
    name_paths(value)
    return value


def _problem(fault: Fault, shown: str) -> Problem:
    return Problem(shown, fault.line, fault.column, fault.key, fault.message, fault.hint)


def _value(node: Node, shown: str, made: dict[int, Value]) -> Value:
    if id(node) in made:
        return made[id(node)]
    value = made[id(node)] = Value(node.line, shown)
    if node.pairs is not None:
        value.pairs = {}
        for key, (line, inner) in dict(_entries(node)).items():
            value.pairs[key] = _value(inner, shown, made).moved(line)
    elif node.items is not None:
        value.items = [_value(item, shown, made).moved(item.line) for item in node.items]
    elif node.text is not None and node.value is not None:
        value.text = node.text
    return value


def _entries(node: Node) -> Iterator[tuple[str, tuple[int, Node]]]:
    """Yield a map's keys with line and value, those of merged maps first: later and nearer ones win."""
    for merged in reversed(node.merges):
        yield from _entries(merged)
    for key, value in node.pairs or ():
        yield key.text or "", (key.line, value)
