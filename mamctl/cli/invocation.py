"""One run of the command line: which manifest, which supervisor, and how to speak."""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mamctl.cli.search import manifest_path, stack_place
from mamctl.control.client import Client
from mamctl.control.reach import over_tcp
from mamctl.core.errors import NoSupervisor
from mamctl.ui.measure import width_of
from mamctl.ui.paint import Paint, paint_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mamctl.control.place import Place
    from mamctl.core.manifest.model import Manifest


class Invocation:
    """What the global options say. `file` is that of `-f`; `host` the URL of a supervisor elsewhere, or None.

    `color` is auto, always or never.
    """

    def __init__(self, *, file: str | None, color: str, environ: Mapping[str, str], host: str | None = None) -> None:
        self.file = file
        self.host = host
        self.color = color
        self.environ = environ

    @cached_property
    def place(self) -> Place:
        """Where the manifest's stack keeps its files. Raises UsageError as `stack_place` does."""
        return stack_place(self.file, self.environ)

    @cached_property
    def paint(self) -> Paint:
        """The colours of stdout."""
        return paint_for(sys.stdout, self.color, self.environ)

    @cached_property
    def side_paint(self) -> Paint:
        """The colours of stderr."""
        return paint_for(sys.stderr, self.color, self.environ)

    @property
    def width(self) -> int:
        """The columns of stdout now; a terminal may change its size."""
        return width_of(sys.stdout, self.environ)

    @property
    def side_width(self) -> int:
        """The columns of stderr now."""
        return width_of(sys.stderr, self.environ)

    @cached_property
    def client(self) -> Client:
        """The client of the supervisor; its requests raise NoSupervisor when none runs. Any thread may use it."""
        return Client(over_tcp(self.host, self.environ) if self.host else self.place.socket)

    def status(self) -> dict[str, Any] | None:
        """Return the status document of the running supervisor, or None when none runs.

        Raises NoSupervisor for one elsewhere: nobody here knows how its stack is then.
        """
        try:
            found: dict[str, Any] = self.client.request("GET", "/v1/status")
        except NoSupervisor:
            if self.host:
                raise
            return None
        return found

    def manifest(self) -> Manifest:
        """Return the manifest as it is on disk; auto ports have the number 0. Raises ManifestError."""
        from mamctl.runtime.manifest import inspect

        return inspect(manifest_path(self.file, self.environ), environ=self.environ)

    def say(self, lines: Iterable[str]) -> None:
        """Write lines of data to stdout."""
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def tell(self, lines: Iterable[str]) -> None:
        """Write lines about what is going on to stderr."""
        sys.stdout.flush()
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        sys.stderr.flush()

    def document(self, found: object) -> None:
        """Write one JSON document to stdout: indented for people at a terminal, compact for programs."""
        self.say([json.dumps(found, indent=2 if sys.stdout.isatty() else None)])
