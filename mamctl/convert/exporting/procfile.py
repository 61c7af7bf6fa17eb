"""A Procfile: a line for each service, as foreman, honcho and overmind run it. Each line is given to a shell.

They set PORT by themselves, 5000 for the first line and 100 more for each one after it; a service with another port is
given its own. Secrets come from the file `.env`, which these programs read.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from mamctl.convert.exporting.stack import Export, File
from mamctl.convert.exporting.texts import script_of, shell_word
from mamctl.convert.exporting.vault import Reference
from mamctl.core.manifest.choices import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec

FILE: Final = "Procfile"
FIRST_PORT: Final = 5000
STEP: Final = 100
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_LOST: Final = {
    "depends_on": "all are started at once",
    "ready": "nobody waits until it is ready",
    "start_timeout": "nobody waits until it is ready",
    "identify": "its line starts it always: nobody looks who is there already",
    "acquire": "its line starts it always: nobody looks who is there already",
    "live": "nobody asks whether it lives",
    "restart": "nothing is restarted: when one ends, all are ended",
    "limits": "use ulimit or nice in the command",
    "sockets": "nobody holds its sockets: it has to bind them itself",
    "schedule": "there is no clock",
    "user": "all run as who starts them",
    "group": "all run as who starts them",
    "logs": "output goes to the terminal",
    "stop": "all are ended by TERM, 5 s before KILL",
}


def export(stack: Stack) -> Export:
    """Return the Procfile of a stack: what plain `up` keeps running; tasks and what is started by hand are told."""
    ledger = stack.account("a Procfile")
    lines: list[str] = []
    for spec in stack.services.values():
        why = _no_line(spec)
        if why:
            ledger.told_all(spec.name)
            ledger.note(spec.name, "kind", f"has no line: {why}")
            continue
        lines.append(_Line(stack, spec, ledger, FIRST_PORT + STEP * len(lines)).text())
    return Export((File(FILE, "".join(f"{line}\n" for line in lines)),), ledger.notes())


def _no_line(spec: ServiceSpec) -> str | None:
    if spec.kind is Kind.TASK:
        return f"when a task ends, all are ended; run it before: {' '.join(spec.argv[:1])} ..."
    if spec.manual or spec.profiles:
        return "it is not started by a plain `up`"
    return None if spec.argv else "it has no command"


class _Line:
    """The line of one service; `given` is the PORT that it is started with."""

    def __init__(self, stack: Stack, spec: ServiceSpec, ledger: Ledger, given: int) -> None:
        self._stack = stack
        self._spec = spec
        self._ledger = ledger
        self._given = given
        self._secrets = stack.secrets(spec)

    def text(self) -> str:
        """Return it, with all of the service's keys accounted for."""
        spec, ledger = self._spec, self._ledger
        for key, text in _LOST.items():
            ledger.lost(spec.name, key, text)
        ledger.told(spec.name, "env", "host", "cwd", "ports", "replicas", "umask")
        name = _NOT_IN_NAMES.sub("-", spec.name)
        if name != spec.name:
            ledger.note(spec.name, "name", f"is {name} in the Procfile")
        return f"{name}: {self._line()}"

    def _line(self) -> str:
        spec = self._spec
        script = script_of(spec.argv)
        settings = self._settings()
        if script is not None and "\n" not in script and not self._stack.vault.holds(script):
            # `shell: true`: a shell runs the line anyway.
            self._ledger.told(spec.name, *(f"env.{one}" for one in spec.unset))
            taken = [f"unset {one};" for one in self._stack.unset(spec)]
            return self._placed([*taken, *(f"export {one};" for one in settings), script])
        words = [self._word(word) for word in spec.argv]
        options = [f"-u {shlex.quote(one)}" for one in self._stack.unset(spec)]
        prefix = ["env", *options, *settings] if settings or options else []
        self._ledger.told(spec.name, *(f"env.{one}" for one in spec.unset))
        return self._placed(["exec", *prefix, *words] if self._elsewhere else [*prefix, *words])

    def _placed(self, words: Sequence[str]) -> str:
        lead = [f"cd {self._word(self._spec.cwd)} &&"] if self._elsewhere else []
        mask = self._spec.account.umask
        return " ".join([*([f"umask {mask:03o};"] if mask is not None else []), *lead, *words])

    @property
    def _elsewhere(self) -> bool:
        return self._spec.cwd.rstrip("/") != self._stack.folder.rstrip("/")

    def _settings(self) -> list[str]:
        """Return what has to be set before the command: the manifest's variables, and where it listens."""
        spec = self._spec
        found = self._stack.environment(spec)
        if "PYTHONUNBUFFERED" not in spec.env:
            del found["PYTHONUNBUFFERED"]  # it is the programs' own habit to set it
        usual = {"PORT": str(self._given), "PORT_HTTP": str(self._given), "HOST": "127.0.0.1"}
        settings = [f"{name}={self._value(name, value)}" for name, value in found.items() if usual.get(name) != value]
        shared = {name: other for name, other in self._secrets.items() if name != other}
        if self._secrets:
            names = ", ".join(self._secrets.values())
            self._ledger.note(spec.name, "secrets", f"set {names} in .env beside the Procfile")
        return settings + [f'{name}="${{{other}}}"' for name, other in shared.items()]

    def _value(self, name: str, value: str) -> str:
        """Return a variable's value; a PATH that goes on with the caller's does so here too."""
        inherited = self._stack.wish.environ.get("PATH")
        if name == "PATH" and inherited and value.endswith(f":{inherited}"):
            return f'{self._word(value.removesuffix(inherited))}"$PATH"'
        return self._word(value)

    def _word(self, word: str) -> str:
        if "\n" not in word:
            return shell_word(self._shared(one) for one in self._stack.vault.pieces(self._spec.name, word))
        text = self._stack.vault.masked(word).replace("\\", "\\\\").replace("\n", "\\n")
        return f"\"$(printf '%b' {shlex.quote(text)})\""

    def _shared(self, piece: str | Reference) -> str | Reference:
        return Reference(self._secrets[piece.name]) if isinstance(piece, Reference) else piece
