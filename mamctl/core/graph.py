"""The dependency graph: who needs whom, in which order, and the cycle when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Graph:
    """Edges from each name to the names it depends on, and back. Unknown dependencies are left out."""

    def __init__(self, edges: Mapping[str, Iterable[str]]) -> None:
        self.dependencies: dict[str, tuple[str, ...]] = {
            name: tuple(other for other in others if other in edges) for name, others in edges.items()
        }
        found: dict[str, list[str]] = {name: [] for name in edges}
        for name, others in self.dependencies.items():
            for other in others:
                found[other].append(name)
        self.dependants: dict[str, tuple[str, ...]] = {name: tuple(others) for name, others in found.items()}

    def closure(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names and all they depend on, dependencies first."""
        order: dict[str, None] = {}
        stack = [(name, False) for name in reversed(tuple(names))]
        while stack:
            name, left = stack.pop()
            if left:
                order[name] = None
            elif name not in order:
                stack.append((name, True))
                stack.extend((other, False) for other in reversed(self.dependencies[name]) if other not in order)
        return tuple(order)

    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Return the names in groups that can start together; a group needs only the groups before it."""
        depth: dict[str, int] = {}
        for name in self.closure(self.dependencies):
            depth[name] = 1 + max((depth[other] for other in self.dependencies[name]), default=-1)
        groups: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
        for name in self.dependencies:
            groups[depth[name]].append(name)
        return tuple(tuple(group) for group in groups)


def find_cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the names of one cycle, the first one repeated at the end, or nothing."""
    done: set[str] = set()
    for start in edges:
        path: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, left = stack.pop()
            if left:
                del path[name]
                done.add(name)
            elif name in path:
                names = list(path)
                return (*names[names.index(name) :], name)
            elif name not in done:
                path[name] = None
                stack.append((name, True))
                stack.extend((other, False) for other in edges[name] if other in edges)
    return ()
