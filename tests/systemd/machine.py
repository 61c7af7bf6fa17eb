"""A booted machine: a real systemd as process 1 of a container, with this repository and its interpreter inside.

Its disk is the cached system, beneath a layer in memory that ends with it. Commands are run in it by nsenter.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.scripted import eventually
from tests.systemd.rootfs import Unavailable

ROOT = Path(__file__).resolve().parents[2]
BOOT_SECONDS = 60.0
COMMAND_SECONDS = 60.0
MAMCTL = (sys.executable, "-P", "-m", "mamctl")
NAMESPACES = ("-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w")


class Machine:
    """One booted container. `leader` is its process 1, as seen from outside."""

    def __init__(self, rootfs: Path, log: Path) -> None:
        self._log = log
        self.leader = 0
        with log.open("wb") as output:
            self._nspawn = subprocess.Popen(
                _command(rootfs), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            eventually(self._is_up, within=BOOT_SECONDS)
        except BaseException:
            self.close()
            raise
        # The way to an interpreter may lead through a folder that the system keeps for root.
        self.run("chmod", "a+x", "/root")

    def run(self, *words: str, user: str | None = None, check: bool = True, **environ: str) -> str:
        """Run a command inside, and return what it writes to stdout; it has a clean environment."""
        done = self.do(*words, user=user, **environ)
        if check:
            assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def do(self, *words: str, user: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, whatever it ends with."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        variables = {"PATH": path, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8", **environ}
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        inside = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), *become, *words]
        return subprocess.run(
            ["nsenter", "-t", str(self.leader), *NAMESPACES, *inside],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip

    def kill(self, signal: str, *pids: int) -> None:
        """Send a signal; the small system has no program for it, but its shell can. Who is gone is no error."""
        self.run("sh", "-c", f"kill -{signal} {' '.join(map(str, pids))}", check=False)

    def path(self, inside: str) -> Path:
        """Return where a file of the machine is seen from here."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def processes(self, marker: str) -> dict[int, str]:
        """Return the processes that have a text in their environment or command line: pid inside, and command."""
        found = {}
        for entry in self.path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes()
                    if marker.encode() in command + (entry / "environ").read_bytes():
                        found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def unit(self, name: str, *options: str, user: str | None = None, **environ: str) -> dict[str, str]:
        """Return the properties of a unit."""
        text = self.run("systemctl", *options, "show", name, user=user, **environ)
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def journal(self, unit: str) -> str:
        """Return what a unit has said, for whoever wonders why a test failed."""
        return self.run("journalctl", "--no-pager", "-n", "50", "-u", unit, check=False)

    def close(self) -> None:
        """Switch it off."""
        if self._nspawn.poll() is None and self.leader:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.do("systemctl", "--no-block", "poweroff")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._nspawn.wait(20)
        if self._nspawn.poll() is None:
            self._nspawn.kill()
        self._nspawn.wait(20)

    def _is_up(self) -> object:
        if self._nspawn.poll() is not None:
            raise Unavailable(f"systemd-nspawn does not boot here: {self._log.read_text(errors='replace')[-300:]}")
        self.leader = next((pid for pid in _children(self._nspawn.pid) if _is_first(pid)), 0)
        return self.leader and self.run("systemctl", "is-system-running", check=False) in ("running", "degraded")


class Stack:
    """A manifest in a folder of the machine, and mamctl beside it. `user` None is root.

    A user's stack is run by the user's own systemd, unless it is one `of_system`.
    """

    def __init__(
        self,
        machine: Machine,
        name: str,
        *,
        user: str | None = None,
        folder: str | None = None,
        of_system: bool = False,
    ) -> None:
        self.machine = machine
        self.name = name
        self.user = user
        self._own = ["--user"] if user and not of_system else []
        self.folder = folder or f"/srv/{name}"
        self.manifest = f"{self.folder}/services.yaml"
        self.unit = f"mamctl-{name}.service"
        machine.run("mkdir", "-p", self.folder)

    def write(self, services: dict[str, Any]) -> None:
        """Write the manifest."""
        path = self.machine.path(self.manifest)
        path.write_text(json.dumps({"name": self.name, "services": services}))
        if self.user:
            self.machine.run("chown", "-R", f"{self.user}:{self.user}", self.folder)

    def mamctl(self, *words: str, check: bool = True) -> str:
        """Run a command about this stack, as its user."""
        return self.machine.run(*MAMCTL, "-f", self.manifest, *words, user=self.user, check=check, **self.environ)

    @property
    def environ(self) -> dict[str, str]:
        """What the user's login would have set."""
        if not self.user:
            return {}
        uid = self.machine.run("id", "-u", self.user)
        return {"HOME": f"/home/{self.user}", "USER": self.user, "XDG_RUNTIME_DIR": f"/run/user/{uid}"}

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Run systemctl, on the user's own systemd where the stack has one."""
        return self.machine.run("systemctl", *self._own, *words, check=check, **self._manager)

    def show(self) -> dict[str, str]:
        """Return the unit's properties."""
        return self.machine.unit(self.unit, *self._own, **self._manager)

    def uninstall(self) -> None:
        """Take the unit away, as whoever may; there may be none."""
        self.machine.run(*MAMCTL, "-f", self.manifest, "uninstall", *self._own, check=False, **self._manager)

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        found: dict[str, Any] = json.loads(self.mamctl("status", "--json", check=False))
        return found

    def pids(self) -> dict[str, int]:
        """Return the services' pids."""
        return {row["name"]: row["pid"] for row in self.status()["services"]}

    @property
    def _manager(self) -> dict[str, Any]:
        """As whom the systemd is talked to that runs the stack."""
        return {"user": self.user, **self.environ} if self._own else {}

    def left(self) -> dict[int, str]:
        """Return every process that belongs to the stack, with its command."""
        return self.machine.processes(f"MAMCTL_PROJECT={self.name}\0") | self.machine.processes(self.manifest)


def _command(rootfs: Path) -> list[str]:
    seen = {str(ROOT), sys.prefix} | ({sys.base_prefix} if not sys.base_prefix.startswith("/usr") else set())
    # Without a systemd around it there is nobody to make a scope for it.
    alone = [] if Path("/run/systemd/system").is_dir() else ["--keep-unit"]
    return [
        "systemd-nspawn", "--quiet", "--register=no", *alone, "--private-network", "--link-journal=no",
        "--volatile=overlay", f"--directory={rootfs}", f"--machine=mamctl-{os.getpid()}", "--console=pipe",
        *(f"--bind-ro={path.replace(':', chr(92) + ':')}" for path in sorted(seen)), "--boot",
    ]  # fmt: skip


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _is_first(pid: int) -> bool:
    """Tell whether it is process 1 of a namespace, and no helper on the way to one."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return any(line.startswith("NSpid:") and line.split()[1:][-1:] == ["1"] for line in status.splitlines())
    return False
