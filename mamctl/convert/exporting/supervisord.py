"""supervisord: a program for each service (or an event listener), in the order of their dependencies.

Secrets are `%(ENV_NAME)s`. Its reader takes ` ;` and ` #` for the beginning of a comment even inside of quotes, so in a
command a space before one of these is quoted apart from it. What `environment=` cannot hold is given to the command by
env(1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.exporting.stack import Export, File, asleep
from mamctl.convert.exporting.texts import shell_word
from mamctl.convert.exporting.vault import Reference
from mamctl.core.graph import Graph
from mamctl.core.manifest.choices import Kind, Policy, Streams
from mamctl.core.manifest.event_types import BUFFERED
from mamctl.core.manifest.signals import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec

FILE: Final = "supervisord.conf"
_AUTORESTART: Final = {Policy.ALWAYS: "true", Policy.ON_FAILURE: "unexpected", Policy.NEVER: "false"}
_SIGNALS: Final = frozenset({"TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2"})
_COMMENT: Final = re.compile(r"(\s)(?=[;#])")
# In a value of `environment=` these end it, or are taken off.
_HARD: Final = re.compile(r"[\"'\\\n\r]|\s[;#]")
_WITHOUT: Final = "has no counterpart in supervisord"
_LOST: Final = {
    "ready": "a program is running once it has lived for startsecs",
    "live": "supervisord asks nobody whether he lives",
    "start_timeout": "supervisord does not wait for anybody to be ready",
    "listener": "supervisord does not look who listens",
    "description": _WITHOUT,
    "restart.delay": "supervisord waits one second more each time",
    "stop.command": "the signal alone stops it",
    "sockets": "only fcgi-program has sockets that are held; it has to bind them itself",
    "limits": "supervisord sets no limits but minfds of its own",
    "group": "a program has the groups of its user",
    "schedule": "supervisord has no clock: it is not started by itself",
    "identify": "its program starts it always: nobody looks who is there already",
    "acquire": "its program starts it always: nobody looks who is there already",
}


def export(stack: Stack) -> Export:
    """Return the configuration of a stack."""
    ledger = stack.account("supervisord")
    ranks = _ranks(stack)
    programs = [_Program(stack, spec, ledger, ranks[spec.name]) for spec in stack.services.values()]
    sections = [program.text() for program in programs]
    text = "\n".join([_HEAD, *filter(None, sections), *_groups(stack)])
    return Export((File(FILE, text),), ledger.notes())


_HEAD: Final = """\
; Written by mamctl export. It wants a folder for logs beside it:
; mkdir -p logs && supervisord -n -c supervisord.conf
[supervisord]
logfile=%(here)s/logs/supervisord.log
pidfile=%(here)s/supervisord.pid

[unix_http_server]
file=%(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock
"""


def _ranks(stack: Stack) -> dict[str, int]:
    """Return the place of each service in the order of the start."""
    layers = Graph({name: stack.edges(spec) for name, spec in stack.services.items()}).layers()
    return {name: rank for rank, layer in enumerate(layers, 1) for name in layer}


def _groups(stack: Stack) -> list[str]:
    members: dict[str, list[str]] = {}
    for spec in stack.services.values():
        if spec.replica_of and not spec.events:
            members.setdefault(spec.replica_of, []).append(spec.name)
    return [f"[group:{name}]\nprograms={','.join(names)}\n" for name, names in members.items()]


class _Program:
    """The section of one service."""

    def __init__(self, stack: Stack, spec: ServiceSpec, ledger: Ledger, rank: int) -> None:
        self._stack = stack
        self._spec = spec
        self._ledger = ledger
        self._rank = rank
        self._secrets = stack.secrets(spec)

    def text(self) -> str:
        """Return it, with all of the service's keys accounted for."""
        self._account()
        lines = [*self._what(), *self._environment(), *self._life(), *self._output()]
        if self._spec.events and self._spec.replica_of and self._spec.replica != 1:
            return ""  # one of a pool, which is one section
        return "".join(f"{line}\n" for line in (*self._head(), *lines))

    def _head(self) -> Iterator[str]:
        spec = self._spec
        yield f"[{'eventlistener' if spec.events else 'program'}:{spec.service if spec.events else spec.name}]"
        if not spec.events:
            return
        yield f"events={','.join(spec.events)}"
        yield f"buffer_size={BUFFERED}"
        if spec.replica_of:
            pool = [other for other in self._stack.services.values() if other.service == spec.service]
            yield from ["process_name=%(program_name)s-%(process_num)d", "numprocs_start=1", f"numprocs={len(pool)}"]

    def _account(self) -> None:
        spec, ledger = self._spec, self._ledger
        for key, text in _LOST.items():
            ledger.lost(spec.name, key, text)
        for name in spec.depends_on:
            ledger.lost(spec.name, f"depends_on.{name}", "only the order: nobody waits until it is ready or done")
        ledger.told(spec.name, "env", "host", "ports", "cwd", "user", "umask", "replicas", "image", "stop", "logs")
        ledger.told(spec.name, "success_exit_codes", "restart.policy", "events")
        for key in ("manual", "profiles"):
            ledger.lost(spec.name, key, "it is not started by itself: `supervisorctl start` does so")

    def _what(self) -> Iterator[str]:
        spec = self._spec
        yield f"command={self._command()}"
        yield f"directory={_literal(spec.cwd)}"
        yield f"priority={self._rank}"
        yield f"autostart={'false' if asleep(spec) else 'true'}"

    def _command(self) -> str:
        spec = self._spec
        words = list(spec.argv)
        if spec.env.get("PATH") and (program := self._stack.program(spec)):
            words[0] = program  # supervisord looks for it in its own PATH
        hard = [f"{name}={self._one_line(value, f'env.{name}')}" for name, value in self._variables(hard=True).items()]
        taken = [f"-u{name}" for name in self._stack.unset(spec)]
        if self._stack.unset(spec):
            self._ledger.told(spec.name, *(f"env.{name}" for name in spec.unset))
        prefix = ["env", *taken, *hard] if hard or taken else []
        return " ".join(self._word(word) for word in (*prefix, *words))

    def _variables(self, *, hard: bool) -> dict[str, str]:
        """Return the variables that `environment=` cannot hold, or those that it can."""
        found = self._stack.environment(self._spec)
        return {name: value for name, value in found.items() if bool(_HARD.search(value)) is hard}

    def _one_line(self, text: str, key: str) -> str:
        if "\n" in text or "\r" in text:
            self._ledger.note(self._spec.name, key, "a line break in it became a space: no value here has lines")
        return re.sub(r"[\r\n]+", " ", text)

    def _word(self, word: str) -> str:
        word = self._one_line(word, "command")
        pieces = self._stack.vault.pieces(self._spec.name, word)
        return "".join(self._expansion(one) if isinstance(one, Reference) else _quoted(one) for one in pieces)

    def _expansion(self, reference: Reference) -> str:
        return f'"%(ENV_{self._secrets[reference.name]})s"'

    def _environment(self) -> Iterator[str]:
        pairs = [f'{name}="{_literal(value)}"' for name, value in self._variables(hard=False).items()]
        shared = {name: other for name, other in self._secrets.items() if name != other}
        pairs += [f'{name}="%(ENV_{other})s"' for name, other in shared.items()]
        if self._secrets:
            names = ", ".join(self._secrets.values())
            self._ledger.note(self._spec.name, "secrets", f"set {names} in the environment of supervisord")
        yield f"environment={','.join(pairs)}"

    def _life(self) -> Iterator[str]:
        spec, restart = self._spec, self._spec.restart
        yield f"autorestart={_AUTORESTART[restart.policy]}"
        yield f"startsecs={0 if spec.kind is Kind.TASK else 1}"
        attempts = restart.max_attempts
        text = "counted are only starts that fail within startsecs"
        if restart.policy is not Policy.NEVER:
            self._ledger.lost(spec.name, "restart.max_attempts", text)
        yield f"startretries={1_000_000 if attempts is None else attempts}"
        yield f"exitcodes={','.join(map(str, sorted(spec.success_exit_codes)))}"
        name = NAMES.get(spec.stop.signal, "")
        if name not in _SIGNALS:
            self._ledger.note(spec.name, "stop.signal", "TERM: supervisord does not know this signal")
        yield f"stopsignal={name if name in _SIGNALS else 'TERM'}"
        yield f"stopwaitsecs={max(1, round(spec.stop.grace))}"
        yield from ["stopasgroup=true", "killasgroup=true"]
        yield from [f"user={_literal(spec.account.user)}"] if spec.account.user is not None else []
        yield from [f"umask={spec.account.umask:03o}"] if spec.account.umask is not None else []

    def _output(self) -> Iterator[str]:
        name, logs = self._spec.name, self._spec.logs
        if self._spec.events:
            # What it says on stdout is not for people.
            log = f"{self._spec.service}-%(process_num)d" if self._spec.replica_of else name
            yield from ["stdout_logfile=NONE", f"stderr_logfile=%(here)s/logs/{log}.log"]
            yield from [f"stderr_logfile_maxbytes={logs.max_size}", f"stderr_logfile_backups={logs.keep}"]
            return
        split = logs.streams is Streams.SPLIT
        yield f"redirect_stderr={'false' if split else 'true'}"
        for stream, ending in (("stdout", ".log"), ("stderr", ".err.log"))[: 2 if split else 1]:
            yield f"{stream}_logfile=%(here)s/logs/{name}{ending}"
            yield f"{stream}_logfile_maxbytes={logs.max_size}"
            yield f"{stream}_logfile_backups={logs.keep}"


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """Return a literal part of a word for supervisord's own splitting, safe from its comments."""
    return _COMMENT.sub(r"\1''", _literal(shell_word((text,))))
