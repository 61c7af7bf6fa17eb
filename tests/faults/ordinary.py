"""The same tests as an ordinary user, started by root: `python -m tests.faults.ordinary COMMAND...`.

In mount namespaces of its own, so that nothing of it is left: what an ordinary user could not reach (an interpreter
under /root, say) is shown in place, and a small disk is made for the tests that fill one. Needs only util-linux.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

NOBODY = "65534"
SMALL_DISK = "MAMCTL_FAULTS_SMALL_DISK"
"""The environment variable that names a folder with 1 MiB of space."""
REPOSITORY = pathlib.Path(__file__).parents[2]


def hidden(path: pathlib.Path) -> pathlib.Path | None:
    """Return the first folder on the way to a path that others may not enter."""
    return next((way for way in reversed(path.parents) if not way.stat().st_mode & 0o001), None)


def show(path: pathlib.Path, stash: pathlib.Path) -> list[str]:
    """Return the shell commands that make a hidden path visible in place, and nothing else that lies beside it."""
    closed = hidden(path)
    if closed is None:
        return []
    kept = stash / str(abs(hash(closed)))
    inside = kept / path.relative_to(closed)
    hide = f"mount --rbind {closed} {kept} && mount -t tmpfs -o mode=755 shown {closed}"
    return [
        f"[ -d {kept} ] || {{ mkdir {kept} && {hide}; }}",
        f"mkdir -p {path} && mount --rbind {inside} {path}",
    ]


def run(command: list[str], environ: dict[str, str] | None = None) -> int:
    """Run it as nobody; return its exit code. `environ` is added to ours."""
    with tempfile.TemporaryDirectory(prefix="ordinary-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        home, disk, stash = folder / "home", folder / "disk", folder / "stash"
        for made in (home, disk, stash):
            made.mkdir()
        os.chown(home, int(NOBODY), int(NOBODY))
        mounts = [f"mount -t tmpfs -o size=1m,mode=777 small {disk}", f"mount -t tmpfs -o mode=755 stash {stash}"]
        for path in dict.fromkeys((pathlib.Path(sys.base_prefix), pathlib.Path(sys.prefix), REPOSITORY)):
            mounts += show(path, stash)
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
        script = "set -e\n" + "\n".join(mounts) + '\nexec "$@"'
        whole = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *become, *command]
        theirs = {
            **os.environ, "HOME": str(home), "TMPDIR": str(home), SMALL_DISK: str(disk), "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis"), **(environ or {}),
        }  # fmt: skip
        return subprocess.run(whole, env=theirs, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    if os.geteuid():
        print("an ordinary user has run these tests already")
        sys.exit(0)
    sys.exit(run(sys.argv[1:]))
