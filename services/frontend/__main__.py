"""`python -m services.frontend`: becomes the Node server (same process, same pid).

Exit 78, "the configuration cannot work", when there is no Node that fits or the pages are not built:
trying again would not help.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from services.frontend import toolchain

HERE = Path(__file__).resolve().parent
EXIT_CONFIG = 78


def command() -> list[str]:
    """Return the server's argv; raise FrontendError when it cannot be started."""
    if not (Path(os.environ.get("DIST_DIR") or HERE / "dist") / "index.html").exists():
        raise toolchain.FrontendError("the frontend's pages are not built", "run: python -m services.frontend.build")
    node = toolchain.find()
    if node is None:
        raise toolchain.FrontendError(toolchain.complaint(), toolchain.HINT)
    return [str(node.binary), str(HERE / "server" / "main.js")]


def main() -> NoReturn:
    """Replace this process by the server, or say why not."""
    try:
        argv = command()
    except toolchain.FrontendError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(EXIT_CONFIG)
    os.execv(argv[0], argv)  # noqa: S606 - becoming the server, without a shell, is what this module is for


if __name__ == "__main__":
    main()
