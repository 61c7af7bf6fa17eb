"""Commands and texts of other programs as our manifest writes them: `${` begins a variable, `$$` is a dollar."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DOLLARS: Final = re.compile(r"(\$+)(\{?)")
# In these a shell sees nothing but text.
_QUOTED: Final = re.compile(r"'[^'\n]*'|\"[^\"$`\\\n]*\"")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:=@%+, '\"-]+")
# What only a shell knows, and `NAME=value` before a command.
_OF_THE_SHELL: Final = re.compile(
    r"\s*(?:\w+=|(?:cd|source|\.|ulimit|export|set|trap|eval|umask|unset|exec|if|for|while|until|case|time|command|exit|wait)(?:\s|$))"
)


def literal(text: str) -> str:
    """Return a text in which nothing is substituted; a lone `$` before a name means itself anyway."""
    return _DOLLARS.sub(_doubled, text)


def _doubled(found: re.Match[str]) -> str:
    dollars, brace = found[1], found[2]
    return found[0] if len(dollars) == 1 and not brace else dollars * 2 + brace


def shell_line(text: str) -> dict[str, Any]:
    """Return the keys for a line that a shell would run; a shell is kept only where the line needs one."""
    return line_of_ours(literal(text))


def line_of_ours(text: str) -> dict[str, Any]:
    """Return the same for a line whose dollars are those of the manifest."""
    line = text.strip()
    for bare in (line, line.removeprefix("exec ").strip()):
        if is_plain(bare):
            return {"command": bare}
    return {"command": line, "shell": True}


def is_plain(line: str) -> bool:
    """Tell whether a line means the same without a shell."""
    if not _PLAIN.fullmatch(_QUOTED.sub("x", line)) or _OF_THE_SHELL.match(line):
        return False
    try:
        return bool(shlex.split(line)) and shlex.split(line)[0] != ""
    except ValueError:
        return False


def filled(parts: Iterable[tuple[str, bool]]) -> str:
    """Return texts, and `${}` of ours (those marked true), as one text."""
    known = list(parts)
    if not any(ours for _, ours in known):
        return literal("".join(text for text, _ in known))
    return "".join(text if ours else text.replace("$", "$$") for text, ours in known)


def asked_of_a_shell(text: str) -> list[str]:
    """Return the words by which a shell runs a line, where a key takes only words."""
    return ["/bin/sh", "-c", literal(text)]


def split(text: str) -> list[str] | None:
    """Return the words of a line, split as a shell would; None when a quote is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return None


def joined(words: Iterable[str]) -> str:
    """Return words as one line for a shell."""
    return shlex.join(words)
