"""`${}` as compose files have it, as ours: there a variable that is missing is empty, here it is an error.

So `$NAME` and `${NAME}` become `${NAME:-}` unless the variable is set now. `.env` beside the file is read as well.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.commands import filled
from mamctl.convert.importing.files import read
from mamctl.convert.importing.value import Unfit, Value
from mamctl.core.manifest.dotenv import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.convert.importing.stack import Stack

_DOLLAR: Final = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|(\{))")
_BRACE: Final = re.compile(r"\$\{|\}")
_BODY: Final = re.compile(r"([A-Za-z_]\w*)(?:(:?[-?+])(.*))?", re.DOTALL)
DEEPEST: Final = 10


@dataclass(slots=True)
class Variables:
    """What is set where it is imported; `used` are the names that values refer to."""

    set_now: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    # What must be set, and is not now.
    loosened: set[str] = field(default_factory=set)
    depth: int = 0

    def tell(self, text: str) -> str:
        """Return a text with its variables as ours. Raises Unfit for forms that we do not have."""
        return filled(self._parts(text))

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        position = 0
        while found := _DOLLAR.search(text, position):
            yield text[position : found.start()], False
            position = found.end()
            if found[1]:
                yield "$", False
            elif found[2]:
                yield self._reference(found[2]), True
            else:
                position = _closing(text, position)
                yield self._evaluated(text[found.end() : position - 1]), True
        yield text[position:], False

    def _evaluated(self, body: str) -> str:
        found = _BODY.fullmatch(body)
        if not found or (found[2] or "").endswith("+") or self.depth >= DEEPEST:
            raise Unfit(
                "uses a form of ${} that is not known here; write ${NAME}, ${NAME:-default} or ${NAME:?message}"
            )
        name, operator, rest = found[1], found[2], found[3] or ""
        if operator is not None and operator.endswith("?") and not self._is_set(name):
            self.loosened.add(name)
            return f"${{{name}:-}}"
        if operator is None:
            return self._reference(name)
        self.used.add(name)
        if operator.endswith("?"):
            return f"${{{name}:?{_message(rest)}}}"
        self.depth += 1
        default = filled([(self.tell(rest), True)])
        self.depth -= 1
        return f"${{{name}:-{default}}}"

    def _reference(self, name: str) -> str:
        self.used.add(name)
        return f"${{{name}}}" if name in self.set_now or name in self.beside else f"${{{name}:-}}"

    def _is_set(self, name: str) -> bool:
        return bool(self.set_now.get(name) or self.beside.get(name))


def _closing(text: str, start: int) -> int:
    """Return where the text goes on behind the brace that closes what was opened before `start`."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "${" else -1
        if depth == 0:
            return brace.end()
    raise Unfit("has a ${ without its closing brace")


def _message(text: str) -> str:
    return "".join(letter for letter in text if letter not in "${}") or "it must be set"


def beside(stack: Stack) -> dict[str, str]:
    """Return the pairs of `.env` in the stack's folder; a file with faults in it is left out, and told of."""
    path = os.path.join(stack.around.folder, ".env")
    if not os.path.isfile(path):
        return {}
    pairs, faults = parse(read(path, ".env"))
    for line, message, _hint in faults:
        stack.leave(Value(line, ".env", "env_file"), f"{message}; mend it, and write `env_file: .env`")
    return {} if faults else pairs


def variables_of(stack: Stack) -> Variables:
    """Return the variables that a file in the stack's folder sees: those of the shell, and those of `.env`."""
    return Variables(stack.around.environ, beside(stack))


def tell_of_loosened(stack: Stack, value: Value, variables: Variables) -> None:
    """Tell of variables that must be set there: one that is not set now would make the manifest invalid."""
    for name in sorted(variables.loosened):
        stack.note(value, f"{name} must be set there, and is not now: here it may be empty; write ${{{name}:?message}}")


def use_env_file(stack: Stack, variables: Variables) -> bool:
    """Name `.env` in the manifest when values need it; tell whether it is so."""
    if not variables.used & variables.beside.keys():
        return False
    stack.keys["env_file"] = [{"path": stack.around.path(".env"), "required": True}]
    return True
