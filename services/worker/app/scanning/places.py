"""The media folders: scanned one by one, or one after the other as if they were one."""

from collections.abc import Callable, Mapping
from dataclasses import fields

from .scanner import RootAway, Scanner, ScanResult

MAIN = ""
"""The folder of MEDIA_PATH among the others, which are called as their files' paths begin: ``@archive``."""


class Places:
    """The scanner of each folder, and what the last whole scan of each came to."""

    def __init__(self, main: Scanner, further: Mapping[str, Scanner]) -> None:
        self._scanners = {MAIN: main, **further}
        self._folders: dict[str, int] = {}
        self._away: set[str] = set()

    @property
    def names(self) -> list[str]:
        """All of them, that of MEDIA_PATH first."""
        return list(self._scanners)

    @property
    def folders(self) -> dict[str, int]:
        """How many folders lie in each that the last scan found in place, that of MEDIA_PATH first."""
        return {name: self._folders[name] for name in self._scanners if name in self._folders}

    @property
    def away(self) -> list[str]:
        """Those whose last scan found them offline."""
        return sorted(self._away)

    def scan(
        self, folder: str = "", *, accept_missing: bool = False, stopped: Callable[[ScanResult], bool]
    ) -> ScanResult:
        """Scan ``folder``; "" is everything. Raises RootAway when the folder that was meant, or MEDIA_PATH, is away.

        A further folder that is away is left as it is, and does not keep the others from being scanned.
        """
        first, _, rest = folder.partition("/")
        if first in self._scanners and first != MAIN:
            return self.scan_in(first, rest, accept_missing=accept_missing, stopped=stopped)
        if folder:
            return self.scan_in(MAIN, folder, accept_missing=accept_missing, stopped=stopped)
        total, away = ScanResult(), None
        for name in self._scanners:
            try:
                _add(total, self.scan_in(name, accept_missing=accept_missing, stopped=stopped))
            except RootAway as error:
                away = error if name == MAIN else away
        if away is not None:
            raise away
        return total

    def scan_in(
        self, name: str, folder: str = "", *, accept_missing: bool = False, stopped: Callable[[ScanResult], bool]
    ) -> ScanResult:
        """Scan ``folder`` of the one called ``name``; "" is all of it. Raises RootAway when that one is away."""
        others = ScanResult()
        try:
            result = self._scanners[name].scan(
                folder,
                accept_missing=accept_missing,
                stopped=stopped,
                elsewhere=lambda: self._look_elsewhere(name, others, stopped),
            )
        except RootAway:
            self._away.add(name)
            self._folders.pop(name, None)
            raise
        # A scan that was stopped has counted none: it says nothing of the whole.
        if not folder and result.folders:
            self._away.discard(name)
            self._folders[name] = result.folders
        _add(result, others)
        return result

    def _look_elsewhere(self, but: str, found: ScanResult, stopped: Callable[[ScanResult], bool]) -> bool:
        """Scan every other folder, which may have what one misses; False when that was stopped."""
        for name in self._scanners:
            if name == but:
                continue
            try:
                result = self._scanners[name].scan(stopped=stopped)
            except RootAway:
                continue  # its own scan says so
            if not result.folders:
                return False
            _add(found, result)
        return True


def _add(total: ScanResult, part: ScanResult) -> None:
    for field in fields(ScanResult):
        setattr(total, field.name, getattr(total, field.name) + getattr(part, field.name))
