"""The entry point: the quick way for plain status commands, click for all else, and the exit code of either."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def main() -> None:
    """Run the command line of this process and end it with the command's exit code."""
    if os.getpid() == 1:
        from mamctl.cli.init_duties import split_off_command

        split_off_command()
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding lacks is shown as "?"; it must not end the command.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # these are the interpreter's own streams
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return its exit code. No exception leaves: each becomes words on stderr."""
    try:
        code = _run(arguments, environ)
        sys.stdout.flush()
    except BaseException as problem:  # noqa: BLE001 - the last line of defence: people never see a traceback
        from mamctl.cli.failure import report

        return report(problem, arguments, environ)
    return code


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    from mamctl.cli.quick import attempt

    code = attempt(arguments, environ)
    if code is not None:
        return code
    from mamctl.cli.app import invoke

    return invoke(arguments, environ)


if __name__ == "__main__":
    main()
