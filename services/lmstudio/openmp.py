"""The OpenMP runtime (`libgomp.so.1`) for machines that have none.

llama.cpp's library is linked against it, its wheel does not carry it, and a bare Debian gets it only together with a
compiler. The wheel of `pykdtree` carries a copy (as its own licence allows: GPL with the runtime exception) under a
name of its own. Only that file is wanted: the package is never imported, and needs none of its dependencies.

The dynamic loader looks for the library by its usual name, in folders that it learns when a process begins. So a link
of that name is made, and this process is replaced by itself with the folder in `LD_LIBRARY_PATH`. The pid stays.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from services.lmstudio.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = "libgomp.so.1"
CARRIER = "pykdtree"
SEARCHED = "LD_LIBRARY_PATH"
HINT = f"apt-get install libgomp1, or without root: pip install --no-deps {CARRIER}"


def again_with_openmp() -> NoReturn:
    """Replace this process by itself with the library within its reach. Raises Refusal when none is installed."""
    folder = offer(_carried(Path(sysconfig.get_path("platlib"))), Path(sys.prefix) / "lib" / "openmp")
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], reaching(folder, os.environ))  # noqa: S606 - this program itself


def offer(library: Path, folder: Path) -> Path:
    """Let folder hold a link to library by its usual name; return folder. Raises Refusal when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            # Made elsewhere and moved: another start at the same moment always finds a whole link.
            fresh = Path(beside) / LIBRARY
            fresh.symlink_to(library)
            fresh.replace(folder / LIBRARY)
    except OSError as error:
        raise Refusal(f"cannot link {LIBRARY} in {folder}: {error.strerror}", HINT) from error
    return folder


def reaching(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return environ with folder searched after what is searched already. Raises Refusal when that was no help."""
    folders = [part for part in environ.get(SEARCHED, "").split(os.pathsep) if part]
    if str(folder) in folders:
        raise Refusal(f"the {LIBRARY} of the package {CARRIER} cannot be used here", HINT)
    return {**environ, SEARCHED: os.pathsep.join([*folders, str(folder)])}


def _carried(packages: Path) -> Path:
    found = sorted((packages / f"{CARRIER}.libs").glob("libgomp*.so*"))
    if not found:
        raise Refusal(f"the OpenMP runtime {LIBRARY} is not installed, and llama.cpp needs it", HINT)
    return found[0]
