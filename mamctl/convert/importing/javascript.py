"""What a script exports, as JSON. Reading it means running it with node, which is what pm2 does with it as well."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from shutil import which
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import LARGEST, Unreadable, refuse
from mamctl.convert.importing.rendering import printable
from mamctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 15.0
_PROGRAM: Final = """
console.log = console.info = console.error;
import(require('url').pathToFileURL(process.argv[1]).href).then((module) => {
  const text = JSON.stringify(module.default === undefined ? module : module.default);
  if (text === undefined || text.length > %d) throw new Error('exports nothing, or too much');
  process.stdout.write('\\n@@' + text, () => process.exit(0));
}).catch((error) => { process.stderr.write('\\n@@' + String(error && error.message || error)); process.exit(3); });
"""


def as_json(path: str, shown: str, environ: Mapping[str, str]) -> str:
    """Return what a script exports. Raises UsageError without node, Unreadable when the script fails."""
    node = which("node", path=environ.get("PATH", os.defpath))
    if node is None:
        raise UsageError(
            f"{shown}: it takes node to read JavaScript, and there is none on the PATH",
            "install node, or write the same as JSON",
        )
    with subprocess.Popen(
        [node, "-e", _PROGRAM % LARGEST, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=os.path.dirname(path),
        env=dict(environ),
        start_new_session=True,
    ) as process:
        try:
            out, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Unreadable(
                "JavaScript", (refuse(shown, 1, f"node has not read it within {SECONDS:.0f} seconds"),)
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    text = out.decode("utf-8", "replace").rpartition("\n@@")[2]
    if process.returncode or not text:
        raise Unreadable("JavaScript", (refuse(shown, _line(errors, shown), _reason(errors)),))
    return text


def _reason(errors: bytes) -> str:
    _, mark, message = errors.decode("utf-8", "replace").rpartition("\n@@")
    lines = message.strip().splitlines() or ["it exports nothing"]
    # An error of the script begins with what is wrong; what node itself says ends with it.
    return f"node cannot read it: {printable(lines[0 if mark else -1], 200)}"


def _line(errors: bytes, shown: str) -> int:
    """Return the line that node blames, 1 when it names none."""
    found = re.search(rf"{re.escape(os.path.basename(shown))}:(\d{{1,6}})", errors.decode("utf-8", "replace"))
    return int(found[1]) if found else 1
