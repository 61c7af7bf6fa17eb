"""Descriptors that must outlive this process: kept by somebody else, and found again by who comes after us.

A supervisor under a guardian gives it what its services need (the ends of their FIFOs, their sockets) before the spawn
that needs them. A program that embeds us has no guardian: what it opened ends with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Custody(Protocol):
    """Keeps descriptors under names such as `fifo/backend` or `socket/backend`."""

    @property
    def keeper(self) -> int | None:
        """The pid of who keeps them, None when nobody does."""
        ...

    def keep(self, name: str, descriptors: Sequence[int], note: Mapping[str, object] | None = None) -> None:
        """Let these, which stay ours to use and to close, be kept too; what the name stood for before is let go."""

    def take(self, name: str) -> list[int]:
        """Return new descriptors of what an earlier supervisor left under a name, ours to close; once, then nothing."""

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what is noted beside what an earlier supervisor left under a name, until it is taken."""
        ...

    def drop(self, name: str) -> None:
        """Let go of what is kept under a name."""

    def found(self) -> list[str]:
        """Name what an earlier supervisor left and nobody has taken."""
        ...

    def reap(self, pid: int) -> int | None:
        """Collect a process that became the keeper's child; return its wait status, None when it knows none."""

    def reap_others(self, pids: Iterable[int]) -> None:
        """Let the keeper collect all its zombies but these."""


class NoCustody:
    """Nobody keeps anything: we are embedded in a program, or the system has no way."""

    keeper: int | None = None

    def keep(self, name: str, descriptors: Sequence[int], note: Mapping[str, object] | None = None) -> None:
        """Do nothing: they end with this process."""

    def take(self, name: str) -> list[int]:  # noqa: ARG002 - there is nothing under any name
        """Return nothing."""
        return []

    def note(self, name: str) -> Mapping[str, Any]:  # noqa: ARG002 - there is nothing under any name
        """Return nothing."""
        return {}

    def drop(self, name: str) -> None:
        """Do nothing."""

    def found(self) -> list[str]:
        """Return nothing."""
        return []

    def reap(self, pid: int) -> int | None:  # noqa: ARG002 - nobody is anybody's child here
        """Return None: nobody knows."""
        return None

    def reap_others(self, pids: Iterable[int]) -> None:
        """Do nothing: there are none."""
