"""The decoder process, as the worker sees it.

A media file may crash the native decoders, hang them or make them eat memory. So they live in a
child process: it gets an open descriptor and never a path, can open nothing itself, answers within
a deadline or is killed, and is started anew when the next file comes. After many files it is
replaced in any case, so that what leaks in a decoder never adds up.
"""

import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from services.backend.app.config import REPOSITORY_ROOT

from .frames import receive, send

DEADLINE_S = 30.0
START_S = 20.0
FILES_PER_PROCESS = 1000


class DecodeFailed(Exception):
    """The file cannot be decoded, and would not be the next time either; the text says why."""


class DecoderLost(Exception):
    """The decoder died or hung on the file; another attempt may succeed."""


class DecoderMissing(Exception):
    """The decoder process cannot be started at all; this says nothing about any file."""


class Decoder:
    """A client of one decoder process. One thread uses it; :meth:`close` may come from any."""

    def __init__(self, *, deadline_s: float = DEADLINE_S, files_per_process: int = FILES_PER_PROCESS) -> None:
        self._deadline_s = deadline_s
        self._files_per_process = files_per_process
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._served = 0
        self._closed = False
        self._guard = threading.Lock()
        self.is_sealed = False
        """Whether the running process has given up files, sockets and programs."""

    @property
    def pid(self) -> int | None:
        """The process that decodes, while there is one."""
        process = self._process
        return process.pid if process else None

    def start(self) -> None:
        """Have the process there before the first file comes."""
        self._started()

    def request(self, name: str, *, descriptor: int | None = None, **parameters: Any) -> tuple[Any, bytes]:
        """Have one thing done; returns the answer's JSON value and bytes."""
        connection = self._started()
        self._served += 1
        try:
            connection.settimeout(self._deadline_s)
            send(connection, {"do": name, **parameters}, descriptor)
            answer, content = receive(connection)
        except TimeoutError:
            self._discard()
            raise DecoderLost(f"decoding took longer than {self._deadline_s:g} s") from None
        except (OSError, EOFError, ValueError):
            raise DecoderLost(self._epitaph()) from None
        if "error" in answer:
            raise DecodeFailed(answer["error"])
        return answer.get("value"), content

    def close(self) -> None:
        """End the decoder process, also in the middle of a file."""
        self._closed = True
        self._discard()

    def _started(self) -> socket.socket:
        if self._closed:
            raise DecoderMissing("the decoder is closed")
        connection, process = self._socket, self._process
        alive = connection is not None and process is not None and process.poll() is None
        if alive and self._served < self._files_per_process:
            assert connection is not None
            return connection
        self._discard()
        return self._start()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.worker.app.decoding.decoder_process", str(theirs.fileno())],
                cwd=REPOSITORY_ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._socket, self._served = ours, 0
        try:
            ours.settimeout(START_S)
            greeting, _ = receive(ours)  # it greets as soon as its libraries are loaded
            self.is_sealed = bool(greeting["value"]["sealed"])
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._discard()
            raise DecoderMissing("the decoder process does not start") from error
        if self._closed:  # close() came while we were starting
            self._discard()
            raise DecoderMissing("the decoder is closed")
        return ours

    def _epitaph(self) -> str:
        """Say how the decoder died, and clear it away."""
        process = self._process
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
        code = process.returncode if process else None
        self._discard()
        if code is not None and code < 0:
            return f"the decoder was ended by signal {-code}"
        return "the decoder stopped in the middle of the file"

    def _discard(self) -> None:
        with self._guard:
            connection, self._socket = self._socket, None
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=5)
        if connection is not None:
            connection.close()
