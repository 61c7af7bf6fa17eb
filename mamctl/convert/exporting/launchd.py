"""launchd: a property list for each service.

It has no files of variables, so secrets are read by the shell that becomes the service. It has no dependencies, no
probes, and no signal but TERM.
"""

from __future__ import annotations

import plistlib
import re
import shlex
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from mamctl.convert.exporting.stack import Export, File, asleep
from mamctl.convert.exporting.texts import SHELL, shell_line
from mamctl.convert.exporting.times import moments
from mamctl.core.manifest.choices import Policy, Streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.convert.exporting.vault import Reference
    from mamctl.core.manifest.model import ServiceSpec

_HEAD: Final = '<plist version="1.0">'
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LOST: Final = {
    "depends_on": "launchd starts all at once; it has to wait for it, or end and be started again",
    "ready": "launchd does not wait for anybody to be ready",
    "live": "launchd asks nobody whether he lives",
    "start_timeout": "launchd does not wait for anybody to be ready",
    "stop.signal": "launchd sends TERM",
    "stop.command": "launchd sends TERM",
    "sockets": "launchd passes sockets in its own way, which LISTEN_FDS programs do not know",
    "limits.memory": "launchd does not watch memory",
    "success_exit_codes": "only 0 counts as clean",
    "restart.max_attempts": "launchd does not give up",
    "logs.max_size": "launchd turns no logs over; newsyslog can",
    "logs.keep": "launchd turns no logs over; newsyslog can",
    "identify": "its job starts it always: nobody looks who is there already",
    "acquire": "its job starts it always: nobody looks who is there already",
}


def export(stack: Stack) -> Export:
    """Return the property lists of a stack."""
    ledger = stack.account("launchd")
    files = [_Agent(stack, spec, ledger).file() for spec in stack.services.values()]
    return Export(tuple(files), ledger.notes())


class _Agent:
    """The property list of one service."""

    def __init__(self, stack: Stack, spec: ServiceSpec, ledger: Ledger) -> None:
        self._stack = stack
        self._spec = spec
        self._ledger = ledger
        self._secrets = stack.secrets(spec)

    def file(self) -> File:
        """Return it, with all of the service's keys accounted for."""
        spec, ledger = self._spec, self._ledger
        for key, text in _LOST.items():
            ledger.lost(spec.name, key, text)
        ledger.told(spec.name, "env", "host", "cwd", "ports", "replicas", "user", "group", "umask", "limits", "logs")
        ledger.told(spec.name, "stop.grace", "restart.policy", "restart.delay", "image")
        ledger.told(spec.name, *(f"env.{name}" for name in spec.unset))
        label = f"{self._stack.name}.{spec.name}"
        keys = {"Label": label} | self._what() | self._when() | self._how()
        text = plistlib.dumps(keys, sort_keys=False).decode()
        return File(f"{label}.plist", text.replace(_HEAD, f"<!-- Written by mamctl export. -->\n{_HEAD}", 1))

    def _what(self) -> dict[str, Any]:
        environment = self._stack.environment(self._spec)
        found = {name: self._held(value, f"env.{name}") for name, value in environment.items()}
        words = [self._held(word, "command") for word in self._words()]
        return {"ProgramArguments": words, "WorkingDirectory": self._spec.cwd, "EnvironmentVariables": found}

    def _held(self, text: str, key: str) -> str:
        if _NOT_IN_XML.search(text):
            self._ledger.note(self._spec.name, key, "its control characters are left out: a property list holds none")
        return _NOT_IN_XML.sub("", text)

    def _words(self) -> Sequence[str]:
        spec = self._spec
        words = [self._stack.program(spec) or spec.argv[0], *spec.argv[1:]]
        if not words[0].startswith("/"):
            text = f"{words[0]} is not found here; launchd looks in its own short PATH"
            self._ledger.note(spec.name, "command", text)
        if not self._secrets:
            return words
        path = f"{self._stack.folder}/{spec.name}.secrets"
        lines = ", ".join(f"{name}=..." for name in self._secrets)
        named = f"{self._stack.folder}/NAME.secrets"
        text = f"write {lines} into {named} (chmod 600), with the service's name, quoted as for a shell"
        self._ledger.note(spec.name, "secrets", text)
        line = shell_line(words, self._pieces)
        return [*SHELL, f"set -a; . {shlex.quote(path)}; set +a; exec {line}"]

    def _pieces(self, text: str) -> Sequence[str | Reference]:
        return self._stack.vault.pieces(self._spec.name, text)

    def _when(self) -> dict[str, Any]:
        spec = self._spec
        times = moments(spec.schedule) if spec.schedule else None
        if spec.schedule and times is None:
            self._ledger.lost(spec.name, "schedule", "launchd has no words for these times: it is never started")
        if spec.schedule and times is not None:
            self._ledger.lost(spec.name, "schedule.timezone", "launchd has the machine's clock")
            self._ledger.told(spec.name, "schedule")
        for key in ("manual", "profiles"):
            self._ledger.lost(spec.name, key, "it is not started at load: `launchctl kickstart` does so")
        alive = {Policy.ALWAYS: True, Policy.ON_FAILURE: {"SuccessfulExit": False}, Policy.NEVER: False}
        # With KeepAlive launchd starts a job when it is loaded, whatever RunAtLoad says.
        keep = False if asleep(spec) else alive[spec.restart.policy]
        if asleep(spec) and spec.restart.policy is not Policy.NEVER:
            self._ledger.note(spec.name, "restart.policy", "is not said: what is kept alive is started at load")
        tree: dict[str, Any] = {"RunAtLoad": not asleep(spec), "KeepAlive": keep}
        tree |= {"StartCalendarInterval": times} if times else {}
        return tree | {"ThrottleInterval": max(1, ceil(spec.restart.delay)), "ExitTimeOut": ceil(spec.stop.grace)}

    def _how(self) -> dict[str, Any]:
        spec, account = self._spec, self._spec.account
        out = f"{self._stack.folder}/logs/{spec.name}.log"
        errors = f"{self._stack.folder}/logs/{spec.name}.err.log" if spec.logs.streams is Streams.SPLIT else out
        tree: dict[str, Any] = {"StandardOutPath": out, "StandardErrorPath": errors}
        named = {"UserName": account.user, "GroupName": account.group, "Umask": account.umask, "Nice": spec.limits.nice}
        tree |= {key: value for key, value in named.items() if value is not None}
        if spec.limits.open_files is not None:
            tree["SoftResourceLimits"] = {"NumberOfFiles": spec.limits.open_files}
        return tree
