"""A small Debian with systemd in a folder outside of the repository, made once by debootstrap and kept in the cache.

`python -m tests.systemd.rootfs` (`make machine`) installs the tools where root may, and makes it; tests make it
by themselves when only it is missing. Where it cannot be, `Unavailable` tells why, and tests are skipped with that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import blake2s
from pathlib import Path

PACKAGES = ("dbus", "libpam-systemd", "python3", "systemd", "systemd-sysv")
TOOLS = {"systemd-nspawn": "systemd-container", "debootstrap": "debootstrap", "nsenter": "util-linux"}
BUILD_SECONDS = 600


class Unavailable(Exception):
    """No machine can be had here; the text says why."""


def rootfs() -> Path:
    """Return the folder of the system, made if it is not there yet. Raises Unavailable."""
    require()
    suite = _suite()
    key = blake2s(" ".join((suite, *PACKAGES)).encode(), digest_size=4).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mamctl-tests"
    cache.mkdir(parents=True, exist_ok=True)
    found = cache / f"rootfs-{suite}-{key}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _build(suite, found)
    return found


def require() -> None:
    """Raise Unavailable unless this user on this system can make and boot one."""
    if sys.platform != "linux":
        raise Unavailable("systemd runs on Linux only")
    if os.getuid() != 0:
        raise Unavailable("only root can boot a container with systemd-nspawn")
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed: `make machine` does it")


def install_tools() -> None:
    """Install what `require` misses, where this user may and the system is a Debian."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing and os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=False, timeout=BUILD_SECONDS)
        command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
        subprocess.run(
            command, check=False, timeout=BUILD_SECONDS, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )


def _suite() -> str:
    """Return the name of this system's release: the interpreter of the tests runs on its libraries."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if release.get("ID", "").strip('"') != "debian":
        raise Unavailable("the container is made like the system around it, which is to be a Debian")
    return release["VERSION_CODENAME"].strip('"')


def _build(suite: str, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(unfinished)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        shutil.rmtree(unfinished, ignore_errors=True)
        raise Unavailable(f"debootstrap could not make a Debian {suite}: {' '.join(last)}")
    shutil.rmtree(unfinished / "var/cache/apt", ignore_errors=True)
    unfinished.rename(target)


def main() -> None:
    """Make it, or say why not; tests that need it are skipped then."""
    install_tools()
    try:
        print(f"a machine for the tests under systemd: {rootfs()}")
    except Unavailable as reason:
        print(f"no machine for the tests under systemd: {reason}")


if __name__ == "__main__":
    main()
