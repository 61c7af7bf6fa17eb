"""What becomes of each key: it has a counterpart, or it is told that it has none; what is forgotten is told too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Note(NamedTuple):
    """One sentence of the report. `service` None: of the stack as a whole. `lost`: the key has no counterpart."""

    service: str | None
    key: str
    text: str
    lost: bool = True

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.service}: {self.key}: {self.text}" if self.service else f"{self.key}: {self.text}"


class Ledger:
    """The account of one export. `said` are the keys by service, `nowhere` what is told of those without a word."""

    def __init__(self, said: Mapping[str | None, Sequence[str]], nowhere: str) -> None:
        self._open = {service: list(keys) for service, keys in said.items()}
        self._nowhere = nowhere
        self._notes: list[Note] = []

    def told(self, service: str | None, *keys: str) -> None:
        """Account for keys, and for those beneath them, that the export says."""
        for key in keys:
            self._close(service, key)

    def told_all(self, service: str) -> None:
        """Account for all keys of a service that is told together with another."""
        self._open[service] = []

    def note(self, service: str | None, key: str, text: str) -> None:
        """Account for a key that the export says, with something that its reader must know or do."""
        self._close(service, key)
        self._add(Note(service, key, text, lost=False))

    def lost(self, service: str | None, key: str, text: str) -> None:
        """Account for a key that has no counterpart, if somebody wrote it, and tell what happens instead."""
        for found in self._close(service, key):
            self._add(Note(service, found, text))

    def _add(self, note: Note) -> None:
        if note not in self._notes:
            self._notes.append(note)

    def _close(self, service: str | None, key: str) -> list[str]:
        still = self._open.get(service, [])
        found = [one for one in still if one == key or one.startswith(f"{key}.")]
        self._open[service] = [one for one in still if one not in found]
        return found

    def notes(self) -> tuple[Note, ...]:
        """Return the report: in the order of the services, with what nobody accounted for."""
        left = [Note(service, key, self._nowhere) for service, keys in self._open.items() for key in keys]
        order = {service: position for position, service in enumerate(self._open)}
        return tuple(sorted([*self._notes, *left], key=lambda note: order.get(note.service, -1)))
