"""What an init system is to run: one stack, as whom, with which environment, and how long it may take to stop."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Mapping

# Beyond the stop itself: two starts of Python, and the supervisor's own leave-taking.
STOP_SLACK: Final = 30
_MARK: Final = "Written by mamctl install for "
_MARKED: Final = re.compile(rf'{_MARK}("(?:[^"\\]|\\.)*")')


class Scope(StrEnum):
    """Whose init system it is: the machine's, or one user's own."""

    SYSTEM = "system"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Job:
    """One stack. Paths are absolute; `user` None: whoever the init system itself runs as.

    `stop_seconds`: within so long `mamctl down` is done.
    """

    name: str
    python: str
    manifest: str
    scope: Scope = Scope.SYSTEM
    user: str | None = None
    profiles: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stop_seconds: float = 60.0

    @property
    def folder(self) -> str:
        """The manifest's folder."""
        return os.path.dirname(self.manifest)

    @property
    def down_seconds(self) -> int:
        """How long `down` is told to wait, whole seconds."""
        return ceil(self.stop_seconds)

    @property
    def patience(self) -> int:
        """How long the init system waits for the whole stop before it uses force."""
        return self.down_seconds + STOP_SLACK

    def command(self, *words: str) -> tuple[str, ...]:
        """Return a command line of mamctl for this stack. `-P`: a folder with a json.py in it is no trap."""
        return (self.python, "-P", "-m", "mamctl", "-f", self.manifest, *words)

    @property
    def profile_words(self) -> tuple[str, ...]:
        """The options that activate the profiles."""
        return tuple(word for profile in self.profiles for word in ("--profile", profile))


def marker(manifest: str) -> str:
    """Return the sentence by which we know a file of ours again, and for which manifest it is; plain ASCII.

    It has no `-` from the path: two in a row would end the comment of a property list.
    """
    return _MARK + json.dumps(manifest).replace("-", "\\u002d")


def written_for(text: str) -> str | None:
    """Return the manifest that a file was written for; None when it is not ours."""
    found = _MARKED.search(text)
    if not found:
        return None
    try:
        return str(json.loads(found[1]))
    except ValueError:
        return None


def can_be_named(text: str) -> bool:
    """Tell whether a unit can hold a text: UTF-8 without control characters and what is no character at all."""
    return not any(category(letter) in ("Cc", "Cs") or _is_no_character(ord(letter)) for letter in text)


def _is_no_character(code: int) -> bool:
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
