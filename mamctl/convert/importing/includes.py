"""Files that an ini file includes: only those beneath its own folder are read."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Final

from mamctl.convert.importing.files import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from mamctl.convert.importing.stack import Stack
    from mamctl.convert.importing.value import Value

MOST_FILES: Final = 200


def matching(pattern: str, value: Value, stack: Stack, parse: Callable[[str, str], Value]) -> list[Value]:
    """Return the files that match a pattern which `value` names; of others it is told that they are not read.

    Raises Unreadable for one that is not of its format.
    """
    folder = os.path.realpath(stack.around.folder)
    paths = sorted(glob.glob(os.path.join(stack.around.folder, pattern)))
    if not paths:
        stack.leave(value, "no file there matches it now")
    found: list[Value] = []
    for path in paths:
        inside = os.path.realpath(path).startswith(f"{folder}/")
        if not inside or not os.path.isfile(path) or len(found) >= MOST_FILES:
            stack.leave(
                value, "a file outside of this folder, no file, or one too many is not read: import it by itself"
            )
            continue
        shown = os.path.relpath(path)
        found.append(parse(read(path, shown), shown))
    return found
