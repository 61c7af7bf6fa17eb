"""Scanning one media folder after the other as if they were one."""

from collections.abc import Callable, Mapping
from dataclasses import fields

from .scanner import RootAway, Scanner, ScanResult


class Places:
    """The scanner of MEDIA_PATH, and those of the further folders by the first part of their paths."""

    def __init__(self, main: Scanner, further: Mapping[str, Scanner]) -> None:
        self._main = main
        self._further = further

    def scan(
        self, folder: str = "", *, accept_missing: bool = False, stopped: Callable[[ScanResult], bool]
    ) -> ScanResult:
        """Scan ``folder``; "" is everything. Raises RootAway when the folder that was meant, or MEDIA_PATH, is away.

        A further folder that is away is left as it is, and does not keep the others from being scanned.
        """
        first, _, rest = folder.partition("/")
        if first in self._further:
            return self._further[first].scan(rest, accept_missing=accept_missing, stopped=stopped)
        if folder or not self._further:
            return self._main.scan(folder, accept_missing=accept_missing, stopped=stopped)
        total, away = ScanResult(), None
        for scanner in (self._main, *self._further.values()):
            try:
                _add(total, scanner.scan(accept_missing=accept_missing, stopped=stopped))
            except RootAway as error:
                away = error if scanner is self._main else away
        if away is not None:
            raise away
        return total


def _add(total: ScanResult, part: ScanResult) -> None:
    for field in fields(ScanResult):
        setattr(total, field.name, getattr(total, field.name) + getattr(part, field.name))
