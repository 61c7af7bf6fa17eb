"""Where the services' output goes: the sinks of each service, opened when it first starts."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, assert_never

from mamctl.core.manifest.choices import Streams
from mamctl.runtime.logs.appended import AppendIntake
from mamctl.runtime.logs.files import fifo_path, log_files
from mamctl.runtime.logs.intake import PipeIntake
from mamctl.runtime.logs.logfile import LogFile
from mamctl.runtime.logs.notices import Dropped, Reset, Resumed, Rotated, Trouble
from mamctl.runtime.logs.sink import Sink

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.runtime.custody import Custody
    from mamctl.runtime.logs.files import LogFiles
    from mamctl.runtime.logs.notices import Notice
    from mamctl.runtime.logs.sink import IntakeMaker
    from mamctl.runtime.probes.output import SinkOutput


class Folders(NamedTuple):
    """Absolute folders: the logs, their indexes, the FIFOs, the sockets that services speak over."""

    logs: str
    index: str  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    fifo: str
    notify: str


class Outputs:
    """Owns every sink."""

    def __init__(
        self,
        folders: Folders,
        loop: asyncio.AbstractEventLoop,
        notify: Callable[[str, Notice], None],
        custody: Custody,
    ) -> None:
        self._folders = folders
        self._custody = custody
        self._loop = loop
        self._notify = notify
        self._sinks: dict[str, tuple[Sink, ...]] = {}
        # Of these the services' own processes write to the files, and we only look on.
        self._appended: set[str] = set()

    @property
    def folder(self) -> str:
        """Where the logs lie."""
        return self._folders.logs

    def files(self, spec: ServiceSpec) -> tuple[LogFiles, ...]:
        """Name the log files of a service."""
        return log_files(self._folders.logs, self._folders.index, spec.name, spec.logs.streams)

    def child_ends(self, spec: ServiceSpec, generation: int) -> tuple[int, ...]:
        """Open what a new incarnation writes to: one descriptor, or two for split streams. The caller closes them."""
        if spec.name in self._appended:
            self.close(spec.name)
        sinks = self._sinks.get(spec.name)
        if sinks is not None and len(sinks) != (2 if spec.logs.streams is Streams.SPLIT else 1):
            self.close(spec.name)
            sinks = None
        if sinks is None:
            sinks = self.recall(spec)
        return tuple(sink.child_end(generation) for sink in sinks)

    def appended_ends(self, spec: ServiceSpec, generation: int) -> tuple[int, ...]:
        """Open the logs themselves for a command that may leave a server behind, which writes on when we are gone.

        One descriptor, or two for split streams; the caller closes them. Raises OSError.
        """
        if spec.name not in self._appended:
            self.close(spec.name)
            try:
                self._sinks[spec.name] = tuple(self._open(spec, one, AppendIntake) for one in self.files(spec))
            except OSError:
                # No inotify: nobody looks on, and lines have no times of their own.
                return tuple(_append_to(one.path) for one in self.files(spec))
            self._appended.add(spec.name)
        return tuple(sink.child_end(generation) for sink in self._sinks[spec.name])

    def extra_end(self, name: str) -> int:
        """Open one more descriptor for what is about the incarnation that runs; the caller closes it."""
        for sink in self._of(name):
            with suppress(OSError):
                return sink.extra_end()
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def remark(self, name: str, sentence: str) -> None:
        """Put a line of our own into a service's log, if there is room: nobody waits for it."""
        end = self.extra_end(name)
        try:
            os.set_blocking(end, False)
            with suppress(OSError):
                os.write(end, f"mamctl: {sentence}\n".encode())
        finally:
            os.close(end)

    def recall(self, spec: ServiceSpec) -> tuple[Sink, ...]:
        """Open a service's sinks, where an earlier supervisor left them with the FIFOs that it had."""
        files = self.files(spec)
        lost = self._custody.note(_name(spec.name)).get("lost")
        if lost:
            self._notify(spec.name, Trouble(f"{lost:,} bytes could not be stored while no supervisor ran"))
        kept = self._custody.take(_name(spec.name))
        if len(kept) != len(files):
            for descriptor in kept:
                os.close(descriptor)
            kept = []
        makers: list[IntakeMaker | None] = [partial(PipeIntake, kept=end) for end in kept] or [None] * len(files)
        sinks = tuple(self._open(spec, one, maker) for one, maker in zip(files, makers, strict=True))
        self._sinks[spec.name] = sinks
        self._keep(spec)
        return sinks

    def readable(self, spec: ServiceSpec, *, recalled: int | None = None) -> list[SinkOutput]:
        """Return what the newest incarnation writes, for log probes; with `recalled`, its number, what it wrote too."""
        from mamctl.runtime.probes.output import SinkOutput

        if recalled is not None:
            for sink in self._of(spec.name):
                sink.rewind(recalled)
        pairs = zip(self._of(spec.name), self.files(spec), strict=True)
        return [SinkOutput(sink, path=files.path, index=files.index) for sink, files in pairs]

    def drain(self, name: str) -> None:
        """Put into the files all that a service wrote before it ended."""
        for sink in self._of(name):
            sink.drain()

    def reconfigure(self, spec: ServiceSpec) -> None:
        """Take a changed rotation policy."""
        for sink in self._of(spec.name):
            sink.reconfigure(spec.logs)
        if spec.name in self._sinks and spec.name not in self._appended:
            self._keep(spec)

    def rotate(self, spec: ServiceSpec) -> None:
        """Let a service's logs begin anew, with what they had as the youngest of the old files. Raises OSError."""
        for sink in self._of(spec.name):
            sink.rotate()
        for files in () if spec.name in self._sinks else self.files(spec):
            if os.path.exists(files.path):
                log = LogFile(files.path, files.index, spec.logs, lambda notice: self._notify(spec.name, notice))
                log.rotate()
                log.close()

    def last_lines(self, spec: ServiceSpec, count: int, generation: int | None = None) -> list[str]:
        """Return the last lines of a service's newest output, for people."""
        from mamctl.runtime.logs.reader import last_lines

        return last_lines(self.files(spec), count, generation)

    def written(self, name: str) -> int:
        """Return how many bytes a service's logs have had in all, since they began."""
        return sum(sink.position for sink in self._of(name))

    def close(self, name: str) -> None:
        """Let go of a service's sinks, and of the FIFOs that nobody writes to any more."""
        self._appended.discard(name)
        for sink in self._sinks.pop(name, ()):
            sink.close()
        self._custody.drop(_name(name))
        for ending in (".out", ".err"):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folders.fifo, name + ending))

    def close_all(self) -> None:
        """Let go of all of them, and of the FIFOs of services that ran before us only."""
        for name in tuple(self._sinks):
            self.close(name)
        with suppress(OSError):
            for entry in os.listdir(self._folders.fifo):
                os.unlink(os.path.join(self._folders.fifo, entry))

    def drain_all(self) -> None:
        """Put into the files what waits, of all services."""
        for name in self._sinks:
            self.drain(name)

    def _keep(self, spec: ServiceSpec) -> None:
        """Let the FIFOs outlive us, with what their keeper must know to do without us."""
        descriptors = [sink.fileno() for sink in self._sinks[spec.name]]
        stop = {"grace": spec.stop.grace, "signal": spec.stop.signal, "death": spec.on_supervisor_death}
        logs = [{"log": files.path, "index": files.index} for files in self.files(spec)]
        self._custody.keep(_name(spec.name), descriptors, {"logs": logs, **stop})

    def _of(self, name: str) -> tuple[Sink, ...]:
        return self._sinks.get(name, ())

    def _open(self, spec: ServiceSpec, files: LogFiles, intake: IntakeMaker | None) -> Sink:
        return Sink(
            intake=intake,
            path=files.path,
            fifo=fifo_path(self._folders.fifo, files),
            index=files.index,
            policy=spec.logs,
            loop=self._loop,
            notify=lambda notice: self._notify(spec.name, notice),
        )


def _append_to(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _name(service: str) -> str:
    return f"fifo/{service}"


def news(notice: Notice) -> tuple[str, dict[str, object]]:
    """Return the event that a sink's notice becomes: its type and its data."""
    match notice:
        case Dropped():
            lost = f"{notice.lines:,} lines ({notice.bytes:,} bytes)"
            detail = f"its log cannot be written ({notice.reason}): {lost} dropped so far, the service goes on"
            return "warning", {"detail": detail, "dropped_lines": notice.lines, "dropped_bytes": notice.bytes}
        case Resumed():
            detail = f"its log is written again; {notice.lines:,} lines ({notice.bytes:,} bytes) were dropped"
            return "warning", {"detail": detail, "dropped_lines": notice.lines, "dropped_bytes": notice.bytes}
        case Rotated():
            return "info", {"detail": f"its log was rotated to {notice.path}"}
        case Reset():
            return "warning", {"detail": f"its log was changed by somebody else: {notice.reason}"}
        case Trouble():
            return "warning", {"detail": f"its log has trouble: {notice.reason}"}
        case _:
            assert_never(notice)
