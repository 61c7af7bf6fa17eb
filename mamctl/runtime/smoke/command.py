"""The exec step: a command, its output and its exit code. It leaves nothing behind, however it or the run ends."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from mamctl.runtime.environment import environment, without_markers
from mamctl.runtime.probes.command import Command
from mamctl.runtime.smoke.answer import Answer
from mamctl.runtime.smoke.shortfall import Shortfall, excerpt
from mamctl.runtime.smoke.tether import Tether

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mamctl.core.manifest.model import Manifest
    from mamctl.core.manifest.steps import ExecAction
    from mamctl.runtime.smoke.saved import Saved

LARGEST: Final = 1 << 20
"""Bytes of output that are kept: the first ones."""

_CHUNK: Final = 1 << 16


async def execute(
    action: ExecAction, saved: Saved, limit: float, manifest: Manifest, environ: Mapping[str, str]
) -> Answer:
    """Run the command to its end. Raises Shortfall when it does not start, or does not end in time."""
    argv = [saved.text(word) for word in action.argv]
    cwd = action.cwd or _folder(action, manifest)
    env = _environment(action, saved, manifest, environ)
    began = time.monotonic()
    with _Output() as output, Tether() as tether:
        try:
            command = Command(argv, env=env, cwd=cwd, pids=set(), stdout=output.writing)
        except OSError as error:
            raise Shortfall(_not_started(error, argv[0], cwd)) from None
        tether.hold(command.pid)
        output.listen()
        try:
            code = await command.finish(limit)
        except TimeoutError:
            said = command.complaint or excerpt(output.text())
            raise Shortfall(f"{argv[0]} did not end within {limit:.3g} s", said=said) from None
        seconds = time.monotonic() - began
        return Answer(seconds, output.text(), exit=code, complaint=command.complaint)


def _folder(action: ExecAction, manifest: Manifest) -> str:
    return manifest.services[action.of].cwd if action.of else manifest.folder


def _environment(action: ExecAction, saved: Saved, manifest: Manifest, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment, or that of the service whose step it is, with the step's own over it."""
    env = dict(environ)
    if action.of:
        env = environment(manifest.services[action.of], manifest.name, env, "")
    env |= {name: saved.text(value) for name, value in action.env.items()}
    # It is no part of any service, so that a stop of one does not end it.
    return without_markers({name: value for name, value in env.items() if name not in action.unset})


def _not_started(error: OSError, name: str, cwd: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no such folder: {cwd}" if not os.path.isdir(cwd) else f"command not found: {name}"
    return f"{name} cannot be run: {(error.strerror or str(error)).lower()}"


class _Output:
    """A pipe whose first bytes are kept; the rest is read and dropped, so that the command is never held up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._data = b""
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._loop.remove_reader(self._reading)
        os.close(self._reading)
        if self._open:
            os.close(self.writing)

    def listen(self) -> None:
        """Begin to read, now that the command has its end."""
        os.close(self.writing)
        self._open = False
        self._loop.add_reader(self._reading, self._read)

    def text(self) -> str:
        """Return what has come so far."""
        with suppress(BlockingIOError):
            while len(self._data) < LARGEST and (piece := os.read(self._reading, _CHUNK)):
                self._data += piece
        return self._data[:LARGEST].decode(errors="replace")

    def _read(self) -> None:
        try:
            piece = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return
        if len(self._data) < LARGEST:
            self._data += piece
        if not piece:
            self._loop.remove_reader(self._reading)
