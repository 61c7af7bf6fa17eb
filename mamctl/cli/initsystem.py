"""The init systems that a stack can be installed into: systemd and launchd, the machine's or one user's own.

Each knows where its files lie, what must hold before one is written, and what makes it know of them.
"""

from __future__ import annotations

import glob
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final, Protocol

from mamctl.convert.units.job import Scope
from mamctl.convert.units.launchd import label, plist
from mamctl.convert.units.systemd import unit, unit_name
from mamctl.core.errors import MamctlError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.convert.units.job import Job

# How long systemctl and launchctl may take, and how long when they stop a stack: every grace period is far below it.
SECONDS: Final = 60.0
LONGEST_STOP: Final = 3600.0
BOOTED: Final = "/run/systemd/system"
LINGER: Final = "/var/lib/systemd/linger"


class InitSystem(Protocol):
    """What `install` and `uninstall` need of one. `file` is always the absolute path of a unit."""

    def file(self, stack: str) -> str:
        """Return where a stack's unit lies."""

    def files(self) -> list[str]:
        """Return the units that have a name as ours have; others may have written them."""

    def text(self, job: Job) -> str:
        """Return the unit of a job."""

    def require(self) -> None:
        """Raise MamctlError unless units can be installed here and now."""

    def enable(self, file: str) -> None:
        """Make the file that was written known, and the stack start at boot or login. Raises MamctlError."""

    def disable(self, file: str) -> None:
        """Stop the stack, and let it not start again. Raises MamctlError."""

    def runs(self, file: str) -> bool:
        """Tell whether the unit is started."""

    def forget(self) -> None:
        """Make it known that a file was taken away."""

    def next_steps(self, file: str) -> list[str]:
        """Return what people do next, a line each."""


def init_system(scope: Scope, environ: Mapping[str, str]) -> InitSystem:
    """Return the init system of this platform."""
    if sys.platform == "darwin":
        return Launchd(scope, environ)
    return Systemd(scope, environ)


class Systemd:
    """systemd. `folder` and `booted` are where the system has its units, and what tells that systemd runs it."""

    def __init__(
        self,
        scope: Scope,
        environ: Mapping[str, str],
        *,
        folder: str = "/etc/systemd/system",
        booted: str = BOOTED,
        uid: int | None = None,
    ) -> None:
        self._scope = scope
        self._environ = environ
        self._folder = _user_units(environ) if scope is Scope.USER else folder
        self._booted = booted
        self._uid = os.getuid() if uid is None else uid

    def file(self, stack: str) -> str:
        """Return where a stack's unit lies."""
        return os.path.join(self._folder, unit_name(stack))

    def files(self) -> list[str]:
        """Return the units that have a name as ours have."""
        return _matching(self._folder, unit_name("*"))

    def text(self, job: Job) -> str:
        """Return the unit."""
        return unit(job)

    def require(self) -> None:
        """Raise MamctlError without systemd, and for units of the system without root."""
        if not os.path.isdir(self._booted):
            raise MamctlError(
                "this system does not run under systemd",
                "`--print` shows the unit for another; in a container, let `mamctl up` be the container's command",
            )
        _require_root(self._scope, self._uid, self._folder, self._environ)

    def enable(self, file: str) -> None:
        """Reload systemd's units, and enable this one."""
        self._systemctl("daemon-reload")
        self._systemctl("enable", os.path.basename(file))

    def disable(self, file: str) -> None:
        """Stop the unit, and disable it."""
        self._systemctl("disable", "--now", os.path.basename(file), seconds=LONGEST_STOP)

    def runs(self, file: str) -> bool:
        """Tell whether the unit is active."""
        options = ["--user"] if self._scope is Scope.USER else []
        return _said(["systemctl", *options, "is-active", os.path.basename(file)], self._environ) is not None

    def forget(self) -> None:
        """Reload systemd's units."""
        self._systemctl("daemon-reload")

    def next_steps(self, file: str) -> list[str]:
        """Return how to start it, and for a user's unit how to keep it when nobody is logged in."""
        name = os.path.basename(file)
        if self.runs(file):
            return [f"it runs; `{self._words('restart', name)}` stops everything, and starts it by the new unit"]
        steps = [f"start it now: `{self._words('start', name)}`"]
        if self._scope is Scope.USER and not os.path.exists(os.path.join(LINGER, self._environ.get("USER") or "?")):
            steps.append("keep it while nobody is logged in, and start it at boot: `loginctl enable-linger`")
        return steps

    def _words(self, *words: str) -> str:
        return " ".join(["systemctl --user" if self._scope is Scope.USER else "sudo systemctl", *words])

    def _systemctl(self, *words: str, seconds: float = SECONDS) -> None:
        options = ["--user"] if self._scope is Scope.USER else []
        _run(["systemctl", "--no-ask-password", *options, *words], self._environ, seconds)


class Launchd:
    """launchd. Starts what lies in its folder at boot or login by itself."""

    def __init__(
        self,
        scope: Scope,
        environ: Mapping[str, str],
        *,
        folder: str = "/Library/LaunchDaemons",
        uid: int | None = None,
    ) -> None:
        self._scope = scope
        self._environ = environ
        self._folder = os.path.join(_home(environ), "Library/LaunchAgents") if scope is Scope.USER else folder
        self._uid = os.getuid() if uid is None else uid

    def file(self, stack: str) -> str:
        """Return where a stack's property list lies."""
        return os.path.join(self._folder, f"{label(stack)}.plist")

    def files(self) -> list[str]:
        """Return the property lists that have a name as ours have."""
        return _matching(self._folder, f"{label('*')}.plist")

    def text(self, job: Job) -> str:
        """Return the property list."""
        return plist(job)

    def require(self) -> None:
        """Raise MamctlError for a job of the system without root."""
        _require_root(self._scope, self._uid, self._folder, self._environ)

    def enable(self, file: str) -> None:
        """Do nothing: what lies in the folder is loaded at the next boot or login."""

    def disable(self, file: str) -> None:
        """Stop the job and unload it, when it is loaded."""
        if self.runs(file):
            _run(["launchctl", "bootout", self._target(file)], self._environ, LONGEST_STOP)

    def runs(self, file: str) -> bool:
        """Tell whether the job is loaded."""
        return _said(["launchctl", "print", self._target(file)], self._environ) is not None

    def forget(self) -> None:
        """Do nothing."""

    def next_steps(self, file: str) -> list[str]:
        """Return how to start it without a boot or login."""
        sudo = "" if self._scope is Scope.USER else "sudo "
        start = f"`{sudo}launchctl bootstrap {self._domain()} {shlex.quote(file)}`"
        if self.runs(file):
            stop = f"`{sudo}launchctl bootout {self._target(file)}`"
            return [f"it runs; {stop} stops everything, and {start} starts it by the new job"]
        return [f"start it now: {start}"]

    def _target(self, file: str) -> str:
        return f"{self._domain()}/{os.path.basename(file).removesuffix('.plist')}"

    def _domain(self) -> str:
        return f"gui/{self._uid}" if self._scope is Scope.USER else "system"


def _matching(folder: str, pattern: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")


def _user_units(environ: Mapping[str, str]) -> str:
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(_home(environ), ".config")
    return os.path.join(config, "systemd", "user")


def _require_root(scope: Scope, uid: int, folder: str, environ: Mapping[str, str]) -> None:
    if scope is Scope.SYSTEM and uid != 0:
        raise MamctlError(
            f"only root may change {folder}",
            'say `sudo env "PATH=$PATH" mamctl ...` (services get this PATH), or use `--user`',
        )
    if scope is Scope.USER and uid == 0 and environ.get("SUDO_USER", "root") != "root":
        raise MamctlError(
            "with sudo, `--user` would be root's own units, not yours", "say it without sudo, or without `--user`"
        )


def _run(command: list[str], environ: Mapping[str, str], seconds: float) -> None:
    words = " ".join(command)
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise MamctlError(f"there is no {command[0]} on the PATH", "is this its usual PATH?") from None
    except subprocess.TimeoutExpired:
        raise TimedOut(f"`{words}` did not end within {seconds:g} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise MamctlError(
            f"`{words}` failed: {said[0] if said else f'exit code {done.returncode}'}", said[1] if said[1:] else None
        )


def _said(command: list[str], environ: Mapping[str, str]) -> str | None:
    """Return what a question is answered, None for no answer."""
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
