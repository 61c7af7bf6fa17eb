"""The one connection that writes, for all threads of a process: they take turns, and who waits shares one COMMIT.

    a thread comes           it waits for its turn, then works in the transaction that is open, or begins one
    nobody waits behind it   it commits
    somebody does            it leaves the COMMIT to the last of them, and waits until that is done

So a thread goes on only when what it wrote is committed, does its own work and gets its own exceptions, and thirty
threads that write at once cost one COMMIT and not thirty (`benchmarks/one_writer.py`). What one thread does is undone
alone: all but the first have a savepoint, and a first that fails has nobody aboard before it. When the COMMIT fails, or
SQLite undoes the whole transaction (the disk is full), all aboard get that error.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .database_problem import DatabaseBusy, DatabaseProblem

MOST = 64
"""So many writes at most have one COMMIT."""

LONGEST_S = 0.05
"""A transaction that is older takes nobody more aboard: workers, which are other processes, want their turn too."""

LOOK_S = 0.05
ARRIVE_S = 60.0


class _Ticket:
    """One write that is done and not yet committed."""

    def __init__(self) -> None:
        self.settled = threading.Event()
        self.error: BaseException | None = None


class Writer:
    """Owns the connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        # Who has the turn has these too.
        self._aboard: list[_Ticket] = []
        self._began = 0.0

    @contextmanager
    def transaction(self, *, within: float) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a transaction, committed at the end; an exception undoes what was done here.

        Raises DatabaseBusy when the turn does not come within so many seconds.
        """
        self._wait_for_turn(within)
        ticket = _Ticket()
        try:
            self._begin()
            try:
                yield self.connection
                self._take_aboard(ticket)
            except BaseException as error:
                self._undo(error)
                raise
            self._commit_if_last()
        finally:
            self._turn.release()
        self._arrive(ticket)

    def close(self, *, within: float) -> None:
        """Close the connection; a thread that still writes gets its time."""
        if not self._turn.acquire(timeout=within):
            return  # the process is about to end either way
        try:
            self._commit()
            with suppress(sqlite3.Error):
                self.connection.execute("PRAGMA optimize")
            self.connection.close()
        finally:
            self._turn.release()

    def _wait_for_turn(self, within: float) -> None:
        with self._count:
            self._waiting += 1
        try:
            has_turn = self._turn.acquire(timeout=within)
        finally:
            with self._count:
                self._waiting -= 1
        if not has_turn:
            raise DatabaseBusy("the database is busy")

    def _begin(self) -> None:
        if self._aboard:
            self.connection.execute("SAVEPOINT one")
            return
        self.connection.execute("BEGIN IMMEDIATE")
        self._began = time.monotonic()

    def _take_aboard(self, ticket: _Ticket) -> None:
        if self._aboard:
            self.connection.execute("RELEASE one")
        self._aboard.append(ticket)

    def _undo(self, error: BaseException) -> None:
        """Undo what the thread that has the turn did, and nothing of the others."""
        try:
            if self._aboard and self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO one")
                self.connection.execute("RELEASE one")
                self._commit_if_last()
                return
        except sqlite3.Error as worse:
            error = worse
        self._roll_back(error)

    def _commit_if_last(self) -> None:
        is_full = len(self._aboard) >= MOST or time.monotonic() - self._began > LONGEST_S
        if is_full or not self._waiting:
            self._commit()

    def _commit(self) -> None:
        if not self._aboard:
            return
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)
        else:
            self._settle(None)

    def _roll_back(self, error: BaseException) -> None:
        # On a full disk SQLite has rolled back by itself.
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
        self._settle(error)

    def _settle(self, error: BaseException | None) -> None:
        aboard, self._aboard = self._aboard, []
        for ticket in aboard:
            ticket.error = error
            ticket.settled.set()

    def _arrive(self, ticket: _Ticket) -> None:
        """Wait until the transaction is over; raises what ended it."""
        end = time.monotonic() + ARRIVE_S
        while not ticket.settled.wait(LOOK_S):
            # Who was waiting, and was to commit, may have run out of patience.
            if self._turn.acquire(timeout=LOOK_S):
                try:
                    self._commit()
                finally:
                    self._turn.release()
            elif time.monotonic() > end:
                raise DatabaseBusy("the database is busy; what was written may be undone")
        if ticket.error is not None:
            raise _same(ticket.error) from ticket.error


def _same(error: BaseException) -> Exception:
    """Return an error for another thread: one object cannot have the traces of two."""
    if not isinstance(error, sqlite3.Error):
        return DatabaseProblem("the transaction was undone")
    same = type(error)(*error.args)
    same.__dict__.update(error.__dict__)
    return same
