"""The keys of a circus watcher, and what becomes of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.amounts import signal
from mamctl.convert.importing.commands import filled
from mamctl.convert.importing.rules import Advice, Rules, described, expected, folder, lasting, member, opposite, to
from mamctl.convert.importing.supervisord_rules import environment
from mamctl.convert.importing.value import Unfit, Value, flag, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mamctl.convert.importing.stack import Service, Surroundings

_EXPANSION: Final = re.compile(r"\$\(circus\.([\w.-]+)\)|\(\(circus\.([\w.-]+)\)\)|\$(WID)\b", re.IGNORECASE)
# What tells a process its number among those of its watcher.
NUMBER: Final = re.compile(r"\$\(circus\.wid\)|\(\(circus\.wid\)\)|\$WID\b", re.IGNORECASE)
# The first descriptor of a held socket.
_FIRST: Final = 3


class Words:
    """What circus fills in: `$(circus.env.NAME)`, `$(circus.wid)`, and the descriptor of a socket.

    `given` are the variables that the file sets, `number` is that of the process; `sockets` are those used, in order.
    """

    def __init__(self, around: Surroundings, given: Mapping[str, str], number: int = 1) -> None:
        self._around, self._number = around, number
        # Circus does not tell a from A in these names.
        self._given = {name.lower(): value for name, value in given.items()}
        self.sockets: list[str] = []

    def tell(self, written: str) -> str:
        """Return a text of ours. Raises Unfit for what is not known."""
        return filled(self._parts(written))

    def _parts(self, written: str) -> Iterator[tuple[str, bool]]:
        position = 0
        for found in _EXPANSION.finditer(written):
            yield written[position : found.start()], False
            yield self._expanded(found[1] or found[2] or found[3])
            position = found.end()
        yield written[position:], False

    def _expanded(self, name: str) -> tuple[str, bool]:
        kind, _, rest = name.partition(".")
        if kind.lower() == "wid" and not rest:
            return str(self._number), False
        if kind.lower() == "env" and rest.lower() in self._given:
            return self._given[rest.lower()], False
        if kind.lower() == "env" and rest.isidentifier():
            name = next((one for one in self._around.environ if one.lower() == rest.lower()), rest)
            return self._around.variable(name), True
        if kind.lower() == "sockets" and rest:
            if rest not in self.sockets:
                self.sockets.append(rest)
            return str(_FIRST + self.sockets.index(rest)), False
        raise Unfit("uses a variable of circus that is not known; write the text itself")


def _respawn(value: Value, service: Service) -> None:
    service.set(("restart", "policy"), "always" if flag(value) else "never")


def _retries(value: Value, service: Service) -> None:
    number = whole(value, -1)
    service.set(("restart", "max_attempts"), None if number < 0 else number)


def _taken(value: Value, _service: Service) -> None:
    """Leave the verdict of who has read the command before."""
    if value.why:
        raise Unfit(value.why)


def _checked(value: Value, _service: Service) -> None:
    flag(value)


RULES: Final[Rules] = {
    "cmd": _taken,
    "args": _taken,
    "shell": _checked,
    "working_dir": to("cwd", read=folder),
    "uid": to("user", read=member),
    "gid": to("group", read=member),
    "autostart": to("manual", read=opposite),
    "respawn": _respawn,
    "max_retry": _retries,
    "stop_signal": to("stop", "signal", read=lambda value, _: signal(value)),
    "graceful_timeout": to("stop", "grace", read=lasting),
    "stop_children": expected(wanted=True, otherwise="a stop always takes all processes of a service"),
    "copy_env": expected(wanted=True, otherwise="every service inherits the variables of `mamctl up`"),
    "copy_path": expected(wanted=True, otherwise="every service inherits the variables of `mamctl up`"),
    "singleton": described(only="without `replicas` there is one process"),
    "env": lambda value, service: service.add_env(
        {name: service.tell(one) for name, one in environment(text(value)).items()}
    ),
    "rlimit_nofile": to("limits", "open_files", read=lambda value, _: whole(value, 3, 2**30)),
    "use_sockets": lambda _value, _service: None,
    "numprocesses": _taken,
}

ADVICE: Final[Advice] = {
    "circus": "it is about circus itself; mamctl keeps its files in .mamctl/ and logs/",
    "circus.umask": "write `umask` under defaults",
    "plugin": "there are no plugins of that kind; write hooks, or read `mamctl events --json --follow`",
    "stdout_stream": "each service has a file under logs/; write `logs` for its bounds",
    "stderr_stream": "each service has a file under logs/; write `logs` for its bounds",
    "hooks": "functions of Python are not called; write `hooks` with commands",
    "priority": "the order follows from what needs what: write depends_on",
    "warmup_delay": "a service starts when what it needs is ready: write depends_on and `ready`",
    "virtualenv": "write the path of its Python into the command",
    "max_age": "write a task with a `schedule` that restarts it",
    "send_hup": "`mamctl signal NAME HUP` sends a signal",
    "on_demand": "it is started by `up`",
    "close_child_stdin": "stdin is always closed",
    "stdin_socket": "write `sockets`; the first is descriptor 3",
}
