"""`mamctl logs`: what the services wrote, merged in time order, straight from the files."""

from __future__ import annotations

import json
import os
import re
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from mamctl.cli import known
from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.span import SPAN
from mamctl.core.errors import ManifestError, UsageError
from mamctl.core.selection import families_of
from mamctl.core.selection import select as chosen_from

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from mamctl.cli.invocation import Invocation
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.logs.reader import Follower, Line, LogFiles

    Show = Callable[[Sequence[Line]], None]

OWN: Final = "mamctl"
LINES: Final = 100
BATCH: Final = 500
IDLE: Final = 1.0


@click.command(
    "logs",
    cls=Command,
    remote=True,
    short_help="Show what services wrote, merged in time order.",
    examples=[
        "mamctl logs backend -f",
        "mamctl logs --since 5m --grep 'error|warn'",
        "mamctl logs backend worker -n 20 -t",
        "mamctl logs --json | jq .line",
    ],
)
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=known.services)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), metavar="N", default=None, help="The last N lines.  [default: 100]"
)
@click.option("--since", type=SPAN, default=None, help="Only lines of the last 5m, 2h ...")
@click.option("--grep", "pattern", metavar="RE", default=None, help="Only lines that match a regular expression.")
@click.option("-t", "--timestamps", is_flag=True, help="The time of each line.")
@click.option("--no-prefix", is_flag=True, help="The lines alone, without the service's name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_invocation
def logs_command(
    invocation: Invocation,
    services: tuple[str, ...],
    *,
    follow: bool,
    lines: int | None,
    since: float | None,
    pattern: str | None,
    timestamps: bool,
    no_prefix: bool,
    as_json: bool,
) -> int:
    """Show the output of services, merged in time order. Needs no running supervisor.

    The name `mamctl` means the supervisor's own log.
    """
    regex = _compiled(pattern)
    if invocation.host:
        from mamctl.cli.elsewhere import RemoteLogs

        shown = RemoteLogs(invocation, pattern=regex, as_json=as_json, prefix=not no_prefix, times=timestamps)
        shown.show(services, lines=LINES if lines is None else lines, since=since, follow=follow)
        return 0
    from mamctl.runtime.logs.reader import Follower, tail

    files = log_files_of(invocation, services)
    show = _shower(invocation, files, as_json=as_json, prefix=not no_prefix, times=timestamps)
    count = lines if lines is not None or since is not None else LINES
    cutoff = None if since is None else time.time() - since
    if not follow:
        _batched(tail(files, lines=count, since=cutoff, pattern=regex), show)
        return 0
    # The follower stands before the past is read, and the past ends where it stands: nothing is missed or told twice.
    with Follower(files) as follower:
        _batched(tail(files, lines=count, since=cutoff, pattern=regex, until=follower.positions), show)
        _follow(follower, regex, show, invocation)
    return 0


def _batched(lines: Iterable[Line], show: Show) -> None:
    found = iter(lines)
    while batch := list(islice(found, BATCH)):
        show(batch)


def log_files_of(invocation: Invocation, patterns: Sequence[str]) -> list[LogFiles]:
    """Return the log files of the chosen services, in the manifest's order."""
    from mamctl.core.manifest.choices import Streams
    from mamctl.runtime.logs.reader import log_files

    place = invocation.place
    specs, replicas = _known(invocation)
    streams = {name: spec.logs.streams for name, spec in specs.items()}
    families = {name: list(members) for name, members in families_of(specs.values(), replicas).items()}
    for name in (OWN, *_written(place.logs)):
        if name not in streams and (family := _family(name, families)):
            families[family].append(name)
        streams.setdefault(name, Streams.MERGED)
    names = chosen_from(patterns, streams, families) if patterns else [name for name in streams if name != OWN]
    found = [entry for name in names for entry in log_files(place.logs, place.index, name, streams[name])]
    # A service may keep log files of its own beside ours: without an index, and shown to those who name them.
    return found if patterns else [entry for entry in found if entry.service in specs or os.path.exists(entry.index)]


def _known(invocation: Invocation) -> tuple[Mapping[str, ServiceSpec], Iterable[str]]:
    """Return the manifest's services, and who has replicas; one that is broken now does not hide its logs."""
    try:
        manifest = invocation.manifest()
    except ManifestError:
        return {}, ()
    return manifest.services, manifest.replicas


def _family(name: str, families: Collection[str]) -> str | None:
    """Return whose replica a log is of: of one that was scaled, or that had more of them before."""
    family, _, number = name.rpartition("-")
    return family if family in families and number.isdigit() else None


def _written(folder: str) -> list[str]:
    """Return the names that have a log file: also services that the manifest has no more."""
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name.removesuffix(".log") for name in found if name.endswith(".log") and not name.endswith(".err.log")]


def _compiled(pattern: str | None) -> re.Pattern[bytes] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern.encode())
    except re.error as error:
        raise UsageError(
            f"--grep {pattern!r} is no regular expression: {error}", "quote special characters with \\"
        ) from None


def _shower(invocation: Invocation, files: Sequence[LogFiles], *, as_json: bool, prefix: bool, times: bool) -> Show:
    if as_json:
        return lambda lines: invocation.say(json.dumps(record(line)) for line in lines)
    from mamctl.ui.stream import Stream

    names = list(dict.fromkeys(entry.service for entry in files))
    stream = Stream(names, invocation.paint, prefix=prefix, times=times)
    return lambda lines: invocation.say(stream.line(line.service, line.at, line.line) for line in lines)


def record(line: Line) -> dict[str, Any]:
    """Return a line as the JSON that scripts read. `at` is UTC."""
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = line.line.decode("utf-8", "replace")
    return {"service": line.service, "generation": line.generation, "stream": line.stream, "at": at, "line": text}


def _follow(follower: Follower, pattern: re.Pattern[bytes] | None, show: Show, invocation: Invocation) -> None:
    """Show lines until somebody ends the command; own up to those that were skipped."""
    told = 0
    while True:
        found = [line for line in follower.poll() if pattern is None or pattern.search(line.line)]
        if found:
            show(found)
        if follower.skipped > told:
            missing, told = follower.skipped - told, follower.skipped
            invocation.tell([f"[{missing:,} lines not shown: they came faster than they can be shown]"])
        follower.wait(IDLE)
