"""A command as words to execute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings import Invalid
from .interpolation import Tell, resolve

if TYPE_CHECKING:
    from .wishes import Command


def argv(command: Command, tell: Tell, *, shell: bool = False) -> tuple[str, ...]:
    """Return the words of a command with its references told. Raises `Invalid`."""
    if isinstance(command, tuple):
        return _listed(command, tell, shell=shell)
    text = resolve(command, tell)
    return ("/bin/sh", "-c", text) if shell else _split(text)


def _listed(words: tuple[str, ...], tell: Tell, *, shell: bool) -> tuple[str, ...]:
    if shell:
        raise Invalid("must be a string with shell: true", "write it as a string, or leave shell out")
    return tuple([resolve(word, tell) for word in words])


def _split(text: str) -> tuple[str, ...]:
    import shlex  # Most commands are lists.

    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Invalid(f"cannot be split: {str(error).lower()}", "close the quote, or write a list of words") from error
    if not words or not words[0]:
        raise Invalid("has no program", "write [program, argument]")
    return words
