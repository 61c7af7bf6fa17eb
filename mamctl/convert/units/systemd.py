"""The text of a systemd unit.

Why these settings:

- `Type=notify`: active means that the supervisor stands, not that something was forked. Its main process is the
  guardian, which passes on READY and WATCHDOG; a message of anybody else does not count (`NotifyAccess=main`).
- `KillMode=process`: when the main process is killed, its services are not; the next one takes them over.
- `Restart=always`, and no limit to it: a guardian that is killed ten times in a row comes back ten times. But not after
  an end in order (0: somebody said `mamctl down`; 128 + n: a signal asked for it), nor with an invalid manifest (2).
- `ExecStopPost`: systemd starts no `ExecStop` for a unit that is only on its way back from a kill, while its services
  live. A stop that was asked for has the result `success`, a kill has not.
- `Delegate=yes`: the groups in which each service's processes are kept together are ours to make.
- `OOMPolicy=continue`: one service that ran out of memory is no reason to stop the others.
- `TimeoutStopSec` is above the longest stop that the manifest allows, so systemd never cuts a grace period short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mamctl.convert.units.job import Job, Scope, marker

if TYPE_CHECKING:
    from collections.abc import Iterable

WATCHDOG_SECONDS: Final = 30
START_SECONDS: Final = 120
RESTART_SECONDS: Final = 1
RELOAD_SECONDS: Final = 90
# systemd refuses a program's path with one of these in it, and expands none of them there.
_UNSAFE_IN_PROGRAM: Final = frozenset("'\"\\$")
_BECOME: Final = 'exec "$0" "$@"'
_BECOME_AFTER_STOP: Final = f'[ "$SERVICE_RESULT" != success ] || {_BECOME}'

_UNIT: Final = """\
# {marker}
# `mamctl uninstall` takes it away; after a change of the manifest's grace periods or profiles: `mamctl install` again.
[Unit]
Description={description}
{after}StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
{who}ExecStart={start}
ExecStop={stop}
ExecStopPost={stop_post}
ExecReload={reload}
KillMode=process
Delegate=yes
OOMPolicy=continue
Restart=always
RestartSec={restart}s
RestartPreventExitStatus=0 2 129 130 143
SuccessExitStatus=129 130 143
TimeoutStartSec={start_timeout}s
TimeoutStopSec={patience}s
WatchdogSec={watchdog}s

[Install]
WantedBy={target}
"""


def unit_name(stack: str) -> str:
    """Return the unit's name for a stack's."""
    return f"mamctl-{stack}.service"


def unit(job: Job) -> str:
    """Return the unit file of a job."""
    system = job.scope is Scope.SYSTEM
    down = job.command("down", "--timeout", f"{job.down_seconds}s")
    return _UNIT.format(
        marker=marker(job.manifest),
        description=plain(f"{job.name}, a stack run by mamctl"),
        after="After=network.target\n" if system else "",
        who="".join(f"{line}\n" for line in _circumstances(job)),
        start=command_line(job.command("supervise", *job.profile_words)),
        stop=command_line(down),
        stop_post=command_line(("/bin/sh", "-c", _BECOME_AFTER_STOP, *down)),
        reload=command_line(job.command("up", "--detach", "--timeout", f"{RELOAD_SECONDS}s", *job.profile_words)),
        restart=RESTART_SECONDS,
        start_timeout=START_SECONDS,
        patience=job.patience,
        watchdog=WATCHDOG_SECONDS,
        target="multi-user.target" if system else "default.target",
    )


def command_line(words: Iterable[str]) -> str:
    """Return the value of an Exec line that starts exactly these words."""
    program, *rest = words
    if not _UNSAFE_IN_PROGRAM.isdisjoint(program):
        program, rest = "/bin/sh", ["-c", _BECOME, program, *rest]
    return " ".join([quoted(program), *(argument(word) for word in rest)])


def assignment(name: str, value: str) -> str:
    """Return the value of an `Environment=` line: one variable, with nothing in it expanded."""
    return quoted(f"{name}={value}")


def folder_line(path: str) -> str:
    """Return a path as the whole value of a line, where nothing can be quoted.

    A last letter that the line would lose (a space) or that would join it to the next one (a backslash) is protected by
    a slash, which systemd takes away.
    """
    return plain(f"{path}/" if path[-1:] in (" ", "\\") else path)


def _circumstances(job: Job) -> list[str]:
    lines = [f"User={plain(job.user)}"] if job.user is not None and job.scope is Scope.SYSTEM else []
    lines.append(f"WorkingDirectory={folder_line(job.folder)}")
    return lines + [f"Environment={assignment(name, value)}" for name, value in job.environ.items()]


def argument(word: str) -> str:
    """Return one argument of a command, in which `$` is expanded unless it is doubled."""
    if word and word.isascii() and word.replace("-", "").replace("/", "").replace(".", "").isalnum():
        return word
    return quoted(word.replace("$", "$$"))


def quoted(text: str) -> str:
    """Return a text as one word, with nothing in it a specifier; `$` is still expanded in a command."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain(text)}"'


def plain(text: str) -> str:
    """Return a text with what would be a specifier doubled."""
    return text.replace("%", "%%")
