"""How an exception becomes words on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any

from mamctl.core.errors import MamctlError, ManifestError, Problem
from mamctl.ui.paint import paint_for
from mamctl.ui.report import error, problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mamctl.ui.paint import Paint

INTERRUPTED = 130
# No fault of ours: nothing to report, and no traceback to write where there is no room.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def report(problem: BaseException, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Say what went wrong and return the exit code."""
    if isinstance(problem, SystemExit):
        return problem.code if isinstance(problem.code, int) else int(problem.code is not None)
    if isinstance(problem, BrokenPipeError):
        return _reader_left()
    if isinstance(problem, KeyboardInterrupt):
        return INTERRUPTED
    paint = paint_for(sys.stderr, _color(arguments), environ)
    lines, code = explain(problem, paint)
    print(*lines, sep="\n", file=sys.stderr)
    return code


def explain(problem: BaseException, paint: Paint) -> tuple[list[str], int]:
    """Return the lines that explain an exception to people, and the exit code it means."""
    problem = as_manifest_error(problem)
    if isinstance(problem, ManifestError):
        return [*problems(problem.problems, paint), *error(f"{problem.message}; nothing was changed", None, paint)], 2
    if isinstance(problem, MamctlError):
        return error(problem.message, problem.hint, paint), problem.exit_code
    if isinstance(problem, OSError) and problem.strerror:
        where = f"{problem.filename}: " if problem.filename else ""
        step = "make room, and say it again" if problem.errno in _FULL else _written(problem)
        return error(f"{where}{problem.strerror[0].lower()}{problem.strerror[1:]}", step, paint), 1
    return error(f"an unexpected {type(problem).__name__}: {problem}", _written(problem), paint), 1


def as_manifest_error(problem: BaseException) -> BaseException:
    """Return the ManifestError behind the supervisor's refusal of a manifest; anything else as it is."""
    body: Any = getattr(problem, "body", None)
    if not isinstance(body, dict) or body.get("code") != "manifest_invalid" or not body.get("problems"):
        return problem
    return ManifestError(
        tuple(
            Problem(
                str(entry.get("file", "")),
                int(entry.get("line") or 0),
                int(entry.get("column") or 0),
                str(entry.get("key") or ""),
                str(entry.get("message", "")),
                entry.get("hint"),
            )
            for entry in body["problems"]
        )
    )


def _color(arguments: Sequence[str]) -> str:
    """Return the colour mode that the arguments ask for; they may be too wrong to be parsed."""
    for position, word in enumerate(arguments):
        value = word.removeprefix("--color=") if word.startswith("--color=") else ""
        if word == "--color" and position + 1 < len(arguments):
            value = arguments[position + 1]
        if value in ("always", "never"):
            return value
    return "auto"


def _reader_left() -> int:
    """Be quiet when the reader of our output went away, as `head` does; also when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13


def _written(problem: BaseException) -> str:
    """Keep the traceback in a file of the user's own, and say where."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(problem))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="mamctl-", suffix=".txt", delete=False) as file:
            file.write(text)
    except OSError:
        return "the traceback could not be written"
    return f"the traceback is in {file.name}; please report it"
