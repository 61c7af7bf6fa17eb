"""The events of a run over the death and the replacement of its supervisor: stream after stream, none missing."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from mamctl.cli.errand import Errand
from mamctl.core.errors import NoSupervisor, TimedOut

if TYPE_CHECKING:
    from mamctl.control.client import Client, Stream

# How long a stack that is only observed may be without anybody who answers.
PATIENCE: Final = 5.0
AGAIN: Final = 0.05


class Events:
    """A stream of events that is opened again when it breaks off. `fileno` is for select.

    `lease`: while its other end is open the guardian lives, and with it the hope for another supervisor.
    """

    def __init__(self, client: Client, since: int, lease: socket.socket | None) -> None:
        self._client = client
        self._since = since
        self._lease = lease
        self._stream: Stream | None = self._open()
        self._errand: Errand | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        source = self._stream or self._errand
        assert source is not None
        return source.fileno()

    def read(self) -> list[dict[str, Any]]:
        """Return the events that came, none when there are none yet. Raises EOFError when no more will."""
        if self._stream is None:
            self._rejoined()
            return []
        try:
            events = self._stream.read()
        except EOFError:
            self.close()
            self._errand = Errand(self._rejoin)
            return []
        if events:
            self._since = events[-1]["seq"]
        return events

    def close(self) -> None:
        """End the stream."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> Stream:
        return self._client.stream(f"/v1/events?since={self._since}", {"Accept": "text/event-stream"})

    def _rejoined(self) -> None:
        assert self._errand is not None
        errand, self._errand = self._errand, None
        self._stream = errand.result()
        if self._stream is None:
            self._errand = Errand(lambda: None)
            raise EOFError

    def _rejoin(self) -> Stream | None:
        """Wait for another supervisor; None when there will be none."""
        until = time.monotonic() + PATIENCE
        while not self._is_over(until):
            try:
                return self._open()
            except TimedOut:
                continue
            except (NoSupervisor, EOFError, OSError):
                time.sleep(AGAIN)
        return None

    def _is_over(self, until: float) -> bool:
        if self._lease is None:
            return time.monotonic() > until
        if not select.select([self._lease], [], [], 0)[0]:
            return False
        return self._lease.recv(1, socket.MSG_PEEK) == b""
