"""One slow request beside a screen that goes on: it runs in a thread, and its end can be waited for with select."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Errand:
    """Runs `work` in a thread of its own. `fileno` becomes readable when it has ended; `result` gives its outcome.

    The work has its own deadline (every request has one), so the thread ends by itself; it is a daemon thread only so
    that a process that is told to leave at once can.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._problem: BaseException | None = None
        self._read, self._write = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable at the end."""
        return self._read

    def result(self) -> Any:
        """Wait for the end; return the answer or raise what the work raised. To be called once."""
        self._thread.join()
        os.close(self._read)
        if self._problem is not None:
            raise self._problem
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except BaseException as problem:  # noqa: BLE001 - it is raised again where the result is asked for
            self._problem = problem
        finally:
            os.close(self._write)
