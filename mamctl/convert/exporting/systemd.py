"""systemd: a unit for each service, a timer for what has a schedule, a socket for what is held, a target for them all.

A service that is ready by a probe has the probe as `ExecStartPost`: until it succeeds the unit is only starting, and
what comes `After` it waits; `TimeoutStartSec` is its deadline. Nothing here asks for more than systemd 252 knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.convert.exporting.stack import Export, File, asleep
from mamctl.convert.exporting.texts import SHELL, shell_check
from mamctl.convert.exporting.times import calendars
from mamctl.convert.exporting.vault import Reference
from mamctl.convert.units.systemd import argument, assignment, command_line, folder_line, plain, quoted
from mamctl.core.manifest.choices import Kind, Policy
from mamctl.core.manifest.model import NotifyProbe, reachable
from mamctl.core.manifest.signals import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mamctl.convert.exporting.ledger import Ledger
    from mamctl.convert.exporting.stack import Stack
    from mamctl.core.manifest.model import ServiceSpec

_RESTART: Final = {Policy.ALWAYS: "always", Policy.ON_FAILURE: "on-failure", Policy.NEVER: "no"}
_PAUSE: Final = "0.2"
_BECOME: Final = 'exec "$0" "$@"'
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
_LOST: Final = {
    "live": "systemd asks nobody whether he lives; of use is a watchdog (ready: {notify: true, watchdog: ...})",
    "logs": "the journal keeps its output: `journalctl -u` shows it",
    "hooks": "systemd has OnFailure= and ExecStartPost= for units of your own",
    "events": "systemd speaks no such protocol: it is told nothing",
    "watch": "a path unit of your own could restart it",
    "tty": "a unit has no terminal that one could attach to",
    "listener": "systemd does not look who listens",
    "essential": "systemd does not stop all for one",
    "on_supervisor_death": "systemd is the supervisor",
    "restart.factor": "the delay stays the same (systemd 254 has RestartSteps=)",
    "restart.max_delay": "the delay stays the same (systemd 254 has RestartMaxDelaySec=)",
    "restart.jitter": "the delay stays the same",
    "restart.reset_after": "starts are counted in the window only",
    "identify": "its unit starts it always: nobody looks who is there already",
    "acquire": "its unit starts it always: nobody looks who is there already",
    "release": "systemd stops what it started",
}


def export(stack: Stack) -> Export:
    """Return the units of a stack."""
    ledger = stack.account("systemd")
    files = [file for spec in stack.services.values() for file in _Unit(stack, spec, ledger).files()]
    return Export((*files, _target(stack)), ledger.notes())


def unit_of(stack: Stack, service: str) -> str:
    """Return the name of a service's unit, without its ending."""
    return f"{stack.name}-{service}"


def _target(stack: Stack) -> File:
    wanted = [
        f"Wants={unit_of(stack, spec.name)}.{'timer' if spec.schedule else 'service'}"
        for spec in stack.services.values()
        if spec.schedule or not asleep(spec)
    ]
    lines = ["[Unit]", f"Description={plain(f'the stack {stack.name}')}", *wanted]
    return File(f"{stack.name}.target", _text([*lines, "", "[Install]", "WantedBy=multi-user.target"]))


class _Unit:
    """The unit of one service, and its timer and socket."""

    def __init__(self, stack: Stack, spec: ServiceSpec, ledger: Ledger) -> None:
        self._stack = stack
        self._spec = spec
        self._name = unit_of(stack, spec.name)
        self._ledger = ledger
        self._secrets = stack.secrets(spec)

    def files(self) -> list[File]:
        """Return its files, with all of its keys accounted for."""
        spec = self._spec
        for key, text in _LOST.items():
            self._ledger.lost(spec.name, key, text)
        self._ledger.told(spec.name, "description", "image", "env", "host", "ports", "cwd", "replicas", "stop", "user")
        self._ledger.told(spec.name, "group", "umask", "limits", "success_exit_codes", "start_timeout", "restart")
        timer = self._timer()
        sections = [
            ["[Unit]", *self._unit()],
            ["[Service]", *self._type(), *self._commands(), *self._circumstances(), *self._rules()],
        ]
        lines = [line for section in sections for line in (*section, "")]
        return [File(f"{self._name}.service", _text(lines[:-1])), *timer, *self._socket()]

    def _unit(self) -> Iterator[str]:
        spec = self._spec
        description = " ".join((spec.description or spec.name).split())
        yield f"Description={_one_line(plain(self._stack.vault.masked(description)))}"
        yield f"PartOf={self._stack.name}.target"
        if spec.sockets:
            # Also when the service is started first: systemd would start it without them.
            yield from [f"Requires={self._name}.socket", f"After={self._name}.socket"]
        for name, edge in self._stack.edges(spec).items():
            self._ledger.told(spec.name, f"depends_on.{name}")
            other = f"{unit_of(self._stack, name)}.service"
            yield f"After={other}"
            yield f"{('BindsTo' if edge.restart else 'Requires') if edge.required else 'Wants'}={other}"
        yield from self._budget()
        if asleep(spec) and not spec.schedule:
            for key in ("manual", "profiles"):
                self._ledger.lost(spec.name, key, f"the target does not want it: `systemctl start {self._name}`")

    def _budget(self) -> list[str]:
        restart = self._spec.restart
        if restart.policy is Policy.NEVER:
            return []
        if restart.max_attempts is None:
            return ["StartLimitIntervalSec=0"]
        return [f"StartLimitIntervalSec={_seconds(restart.window)}", f"StartLimitBurst={restart.max_attempts + 1}"]

    def _type(self) -> Iterator[str]:
        spec = self._spec
        if spec.kind is Kind.TASK:
            yield "Type=oneshot"
            if not spec.schedule:
                yield "RemainAfterExit=yes"
            return
        ready = spec.ready.check if spec.ready else None
        if not isinstance(ready, NotifyProbe) or ready.fd is not None:
            yield "Type=exec"
            return
        self._ledger.told(spec.name, "ready")
        yield from ["Type=notify", "NotifyAccess=all"]
        if ready.watchdog:
            yield f"WatchdogSec={_seconds(ready.watchdog)}"

    def _commands(self) -> Iterator[str]:
        spec = self._spec
        program = self._stack.program(spec)
        if program is None and not spec.argv[0].startswith("/"):
            text = f"{spec.argv[0]} is not found here; systemd needs its path, or finds it in its own folders"
            self._ledger.note(spec.name, "command", text)
        yield f"ExecStart={self._line((program or spec.argv[0], *spec.argv[1:]))}"
        yield from self._readiness()
        if spec.stop.command:
            self._ledger.note(spec.name, "stop.command", "the signal follows as soon as the command has ended")
            yield f"ExecStop=/usr/bin/env MAMCTL_PID=${{MAINPID}} {self._line(spec.stop.command, program=False)}"

    def _readiness(self) -> Iterator[str]:
        spec = self._spec
        if spec.ready is None:
            self._ledger.told(spec.name, "ready")
            return
        check = shell_check(spec.ready, self._pieces)
        if check is None:
            self._ledger.lost(spec.name, "ready", "it counts as started as soon as it is executed")
            return
        for part in ("json", "timeout", "interval", "failures"):
            self._ledger.lost(spec.name, f"ready.{part}", f"asked is every {_PAUSE} s until it answers as it should")
        tool = "bash" if check.startswith("bash") else "curl"
        if check.startswith(("curl", "case", "bash")):
            self._ledger.note(spec.name, "ready", f"it is asked by {tool}, which has to be there")
        self._ledger.told(spec.name, "ready")
        script = (
            f"until {check}; do sleep {_PAUSE}; done"
            if "\n" not in check
            else f"until (\n{check}\n); do sleep {_PAUSE}; done"
        )
        yield f"ExecStartPost={self._line((*SHELL, script))}"

    def _circumstances(self) -> Iterator[str]:
        spec, account = self._spec, self._spec.account
        yield f"WorkingDirectory={folder_line(spec.cwd)}"
        for name, value in self._stack.environment(spec).items():
            yield f"Environment={_one_line(assignment(name, value))}"
        if self._stack.unset(spec):
            self._ledger.told(spec.name, *(f"env.{name}" for name in spec.unset))
            yield f"UnsetEnvironment={' '.join(self._stack.unset(spec))}"
        yield from self._secret_file()
        for key, who in (("User", account.user), ("Group", account.group)):
            yield from [f"{key}={plain(who)}"] if who is not None else []
        yield from [f"UMask={account.umask:04o}"] if account.umask is not None else []

    def _secret_file(self) -> Iterator[str]:
        if not self._secrets:
            return
        spec = self._spec
        path = f"{self._stack.folder}/{spec.name}.secrets"
        named = f"{self._stack.folder}/NAME.secrets"
        must = any(self._stack.vault.is_set(spec.name, name) for name in self._secrets)
        lines = ", ".join(f"{name}=..." for name in self._secrets)
        self._ledger.note(spec.name, "secrets", f"write {lines} into {named} (chmod 600), with the service's name")
        yield f"EnvironmentFile={'' if must else '-'}{plain(path)}"

    def _rules(self) -> Iterator[str]:
        spec = self._spec
        yield f"Restart={self._restart()}"
        yield f"RestartSec={_seconds(spec.restart.delay)}"
        if good := sorted(spec.success_exit_codes - {0}):
            yield f"SuccessExitStatus={' '.join(map(str, good))}"
        if 0 not in spec.success_exit_codes:
            self._ledger.lost(spec.name, "success_exit_codes", "0 counts as clean all the same")
        yield f"TimeoutStartSec={'infinity' if spec.start_timeout is None else _seconds(spec.start_timeout)}"
        yield f"KillSignal={_signal(spec.stop.signal)}"
        yield f"TimeoutStopSec={_seconds(spec.stop.grace)}"
        limits = spec.limits
        for key, value in (("MemoryMax", limits.memory), ("LimitNOFILE", limits.open_files), ("Nice", limits.nice)):
            yield from [f"{key}={value}"] if value is not None else []

    def _restart(self) -> str:
        spec = self._spec
        if spec.kind is Kind.TASK and spec.restart.policy is Policy.ALWAYS:
            self._ledger.note(spec.name, "restart.policy", "on-failure: systemd runs no task again that has succeeded")
            return "on-failure"
        return _RESTART[spec.restart.policy]

    def _timer(self) -> list[File]:
        spec = self._spec
        if spec.schedule is None:
            return []
        times = calendars(spec.schedule)
        if times is None:
            self._ledger.lost(spec.name, "schedule", "systemd has no words for these times, so there is no timer")
            return []
        self._ledger.told(spec.name, "schedule", "manual", "profiles")
        lines = [
            "[Unit]",
            f"Description={plain(f'{spec.name}, by the clock')}",
            f"PartOf={self._stack.name}.target",
            "",
        ]
        lines += ["[Timer]", *(f"OnCalendar={time}" for time in times), "AccuracySec=1s"]
        return [File(f"{self._name}.timer", _text(lines))]

    def _socket(self) -> list[File]:
        spec = self._spec
        if not spec.sockets:
            return []
        self._ledger.told(spec.name, "sockets")
        host = spec.host if ":" not in spec.host else reachable(spec.host)
        names = [f"ListenStream={host}:{port.number}" for port in spec.sockets]
        if len(spec.sockets) > 1:
            text = "in LISTEN_FDNAMES all of them bear the first one's name"
            self._ledger.note(spec.name, "sockets", text)
        lines = [
            "[Unit]",
            f"Description={plain(f'the sockets of {spec.name}')}",
            f"PartOf={self._stack.name}.target",
            "",
        ]
        lines += ["[Socket]", *names, f"FileDescriptorName={spec.sockets[0].name}"]
        return [File(f"{self._name}.socket", _text(lines))]

    def _line(self, words: Sequence[str], *, program: bool = True) -> str:
        """Return words as systemd reads them back; in place of a secret its variable, which systemd expands."""
        if not program or any(isinstance(piece, Reference) for word in words for piece in self._pieces(word)):
            return _one_line(" ".join(self._word(word) for word in words))
        return _one_line(command_line(words))

    def _word(self, word: str) -> str:
        pieces = list(self._pieces(word))
        if not any(isinstance(piece, Reference) for piece in pieces):
            return argument(word)
        text = "".join(
            f"\0{piece.name}\0" if isinstance(piece, Reference) else piece.replace("$", "$$") for piece in pieces
        )
        halves = quoted(text).split("\0")
        return "".join(f"${{{half}}}" if position % 2 else half for position, half in enumerate(halves))

    def _pieces(self, text: str) -> Sequence[str | Reference]:
        return self._stack.vault.pieces(self._spec.name, text)


def _one_line(text: str) -> str:
    return text.translate(_CONTROL)


def _seconds(value: float) -> str:
    return f"{value:g}s" if value >= 1 or value == 0 else f"{round(value * 1000)}ms"


def _signal(number: int) -> str:
    return f"SIG{NAMES[number]}" if number in NAMES else str(number)


def _text(lines: Sequence[str] | Mapping[str, str]) -> str:
    return "".join(f"{line}\n" for line in ("# Written by mamctl export.", *lines))
