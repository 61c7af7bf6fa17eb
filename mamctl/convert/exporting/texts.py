"""Words for a shell, and the checks of probes as lines that a shell runs; a secret in them is a reference."""

from __future__ import annotations

import shlex
from math import ceil
from typing import TYPE_CHECKING, Final

from mamctl.convert.exporting.vault import Reference
from mamctl.core.manifest.model import ExecProbe, HttpProbe, TcpProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mamctl.convert.exporting.vault import Piece
    from mamctl.core.manifest.model import Probe, ServiceSpec

    # Parts a text into what it says and which secrets it holds.
    Pieces = Callable[[str], Iterable[Piece]]

SHELL: Final = ("/bin/sh", "-c")


def texts_of(spec: ServiceSpec) -> Iterator[str]:
    """Yield the words of a service's commands, in which a secret can be named by a reference."""
    yield from spec.argv
    yield from spec.stop.command
    for probe in (spec.ready, spec.live):
        if probe and isinstance(probe.check, ExecProbe):
            yield from probe.check.argv
        if probe and isinstance(probe.check, HttpProbe):
            yield probe.check.url


def shell_word(pieces: Iterable[Piece]) -> str:
    """Return one word of a shell's line; references are expanded, nothing else is."""
    return "".join(f'"${{{one.name}}}"' if isinstance(one, Reference) else shlex.quote(one) for one in pieces)


def shell_line(words: Iterable[str], pieces: Pieces) -> str:
    """Return a line that a shell runs as exactly these words."""
    return " ".join(shell_word(pieces(word)) for word in words)


def script_of(argv: tuple[str, ...]) -> str | None:
    """Return what a shell is given to run, when that is all that a command is: `shell: true`."""
    return argv[2] if argv[:2] == SHELL and len(argv) == 3 else None


def shell_check(probe: Probe, pieces: Pieces) -> str | None:
    """Return a line that succeeds when a probe would; None for what cannot be asked from outside."""
    check = probe.check
    if isinstance(check, HttpProbe):
        return _http(check, max(1, ceil(probe.timeout)), pieces)
    if isinstance(check, TcpProbe):
        return f"bash -c 'exec 3<>/dev/tcp/{check.host}/{check.port}'"
    if isinstance(check, ExecProbe):
        return script_of(check.argv) or shell_line(check.argv, pieces)
    return None


def _http(check: HttpProbe, seconds: int, pieces: Pieces) -> str:
    url = shell_word(pieces(check.url))
    if check.status == (200,):
        return f"curl -fsS -o /dev/null -m {seconds} {url}"
    good = "|".join(map(str, check.status))
    return f"case $(curl -s -o /dev/null -m {seconds} -w '%{{http_code}}' {url}) in {good}) ;; *) exit 1 ;; esac"
