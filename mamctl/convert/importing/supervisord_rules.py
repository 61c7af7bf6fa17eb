"""The keys of a program of supervisord, and what becomes of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.convert.importing.amounts import signal, size
from mamctl.convert.importing.commands import split
from mamctl.convert.importing.rules import (
    Advice,
    Rules,
    counted,
    described,
    expected,
    folder,
    lasting,
    member,
    opposite,
    to,
    told,
)
from mamctl.convert.importing.value import Unfit, Value, flag, text
from mamctl.core.manifest.event_types import BUFFERED, PARENTS, UNSENT

if TYPE_CHECKING:
    from mamctl.convert.importing.stack import Service

_ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*=\s*(\"[^\"]*\"|'[^']*'|[^,\n]*)\s*(?:[,\n]|$)")
_POLICIES: Final = {"true": "always", "false": "never", "unexpected": "on-failure"}


def environment(written: str) -> dict[str, str]:
    """Return the pairs of `KEY="value",OTHER=value`. Raises Unfit."""
    pairs, position, line = {}, 0, written.strip().rstrip(",")
    while position < len(line):
        found = _ASSIGNMENT.match(line, position)
        if not found:
            raise Unfit('is not written as KEY="value",OTHER="value"')
        value = found[2].strip()
        pairs[found[1]] = value[1:-1] if value[:1] in ("'", '"') else value
        position = found.end()
    return pairs


def _environment(value: Value, service: Service) -> None:
    service.add_env({name: service.tell(found) for name, found in environment(text(value)).items()})


def _command(value: Value, service: Service) -> None:
    words = split(told(value, service))
    if words is None:
        raise Unfit("has a quote that is not closed (what follows a space and ; is a remark)")
    if not words or not words[0]:
        raise Unfit("is no command")
    service.set(("command",), words)


def _restart(value: Value, service: Service) -> None:
    policy = _POLICIES.get(text(value).strip().lower())
    if policy is None:
        raise Unfit("is none of true, false and unexpected")
    service.set(("restart", "policy"), policy)


def _codes(value: Value, service: Service) -> None:
    words = text(value).replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() and int(word[:4]) <= 255 for word in words):
        raise Unfit("is no list of exit codes")
    service.set(("success_exit_codes",), [int(word) for word in words])


def _redirect(value: Value, service: Service) -> None:
    service.set(("logs", "streams"), "merged" if flag(value) else "split")


def _log(value: Value, service: Service) -> None:
    text(value)
    service.note(value, f"its log is logs/{service.name}.log; `mamctl logs {service.name}` shows it")


def _log_size(value: Value, service: Service) -> None:
    if text(value).strip() == "0":
        raise Unfit("a log is always bounded here; write a large logs.max_size")
    service.set(("logs", "max_size"), size(value))


class Known(NamedTuple):
    """The types of events that a listener asks for: those that are sent here, and why others are not."""

    sent: tuple[str, ...]
    unsent: tuple[str, ...]


def sendable(value: Value | None) -> Known:
    """Return what a list of types of events comes to here. Raises Unfit when nothing of it is sent."""
    words = [] if value is None else [word.strip().upper() for word in text(value).split(",") if word.strip()]
    if not words:
        raise Unfit("it says no events, so supervisord would refuse it")
    sent = tuple(dict.fromkeys(word for word in words if word in PARENTS))
    unsent = tuple(f"{word} is not sent here: {_unsent(word)}" for word in words if word not in PARENTS)
    if not sent:
        raise Unfit(unsent[0])
    return Known(sent, unsent)


def _unsent(word: str) -> str:
    return "; ".join(UNSENT.get(word, ("supervisord knows no such type",)))


RULES: Final[Rules] = {
    "command": _command,
    "process_name": described(only="names of processes are the service's name, with -1, -2 ... for replicas"),
    "autostart": to("manual", read=opposite),
    "autorestart": _restart,
    "startretries": to("restart", "max_attempts", read=counted),
    "exitcodes": _codes,
    "stopsignal": to("stop", "signal", read=lambda value, _: signal(value)),
    "stopwaitsecs": to("stop", "grace", read=lasting),
    "stopasgroup": expected(wanted=True, otherwise="the stop signal always goes to the whole process group"),
    "killasgroup": expected(wanted=True, otherwise="a kill always goes to the whole process group"),
    "user": to("user", read=member),
    "directory": to("cwd", read=folder),
    "umask": to("umask", read=told),
    "environment": _environment,
    "redirect_stderr": _redirect,
    "stdout_logfile": _log,
    "stdout_logfile_maxbytes": _log_size,
    "stdout_logfile_backups": to("logs", "keep", read=counted),
    "stderr_logfile": _log,
}

ADVICE: Final[Advice] = {
    "priority": "the order follows from what needs what: write depends_on",
    "numprocs": "",
    "startsecs": "a service without a port is ready after 100 ms; write a `ready` probe for more",
    "stderr_logfile_maxbytes": "both streams have the bounds of `logs`",
    "stderr_logfile_backups": "both streams have the bounds of `logs`",
    "stdout_syslog": "the output goes to a file under logs/",
    "stderr_syslog": "the output goes to a file under logs/",
    "stdout_capture_maxbytes": "output is not captured into events; write hooks",
    "stderr_capture_maxbytes": "output is not captured into events; write hooks",
    "stdout_events_enabled": "output makes no events; `mamctl logs --follow --json` gives it to programs",
    "stderr_events_enabled": "output makes no events; `mamctl logs --follow --json` gives it to programs",
    "buffer_size": f"up to {BUFFERED:,} events wait for it",
    "result_handler": "what is not OK counts as FAIL, and the event is told again",
    "serverurl": "the supervisor answers on .mamctl/control.sock",
    "socket_backlog": "the system's default holds",
    "socket_owner": "only TCP sockets are held",
    "socket_mode": "only TCP sockets are held",
    "supervisord": "it is about supervisord itself; mamctl keeps its files in .mamctl/ and logs/",
    "supervisord.user": "write `user` for each service, or start mamctl as that user",
    "supervisord.umask": "write `umask` under defaults",
    "supervisord.minfds": "write `limits: {open_files: ...}` under defaults",
    "unix_http_server": "the control socket is .mamctl/control.sock; supervisorctl -s unix://... works there",
    "supervisorctl": "`mamctl status` needs no settings; see docs/supervisord-tools.md",
    "rpcinterface": "that of supervisord itself is always there, others are not: see docs/supervisord-tools.md",
    "ctlplugin": "there are no plugins of that kind",
}
