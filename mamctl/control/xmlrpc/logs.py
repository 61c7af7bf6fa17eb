"""Logs by bytes: offsets are those of the file as it is now, with supervisord's own rules about them.

What one call may get has a bound; who wants more reads it in pieces. What is long is a stretch of the file, which is
read while the answer is sent. A log that is cleared is rotated: it begins anew,
and what was in it is the youngest of its old files. Files are read in threads, for they may be large.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mamctl.control.xmlrpc.faults import Code, Fault
from mamctl.control.xmlrpc.method import method
from mamctl.control.xmlrpc.program import in_order, result, the_one
from mamctl.control.xmlrpc.stretch import Stretch
from mamctl.core.errors import MamctlError

if TYPE_CHECKING:
    from mamctl.control.xmlrpc.stack import Stack

LARGEST: Final = 1 << 24
# More bytes than this are not held.
LONG: Final = 1 << 18


@method("supervisor.readLog", "supervisor.readMainLog")
async def read_main(stack: Stack, offset: int, length: int) -> str | Stretch:
    """Read the supervisor's own log from an offset; a negative one counts from the end and takes no length."""
    return await _read(stack.programs.main_log, offset, length)


@method("supervisor.readProcessStdoutLog", "supervisor.readProcessLog")
async def read_stdout(stack: Stack, name: str, offset: int, length: int) -> str | Stretch:
    """Read a process's log from an offset; a negative one counts from the end and takes no length."""
    return await _read(_path(stack, name, "stdout"), offset, length)


@method("supervisor.readProcessStderrLog")
async def read_stderr(stack: Stack, name: str, offset: int, length: int) -> str | Stretch:
    """Read a process's log of its standard error, if that is apart."""
    return await _read(_path(stack, name, "stderr"), offset, length)


@method("supervisor.tailProcessStdoutLog", "supervisor.tailProcessLog")
async def tail_stdout(stack: Stack, name: str, offset: int, length: int) -> list[Any]:
    """Return the end of a process's log, the size of the log, and whether there was more after offset + length."""
    return await _tail(_path(stack, name, "stdout"), offset, length)


@method("supervisor.tailProcessStderrLog")
async def tail_stderr(stack: Stack, name: str, offset: int, length: int) -> list[Any]:
    """Return the end of the log of its standard error in the same way."""
    return await _tail(_path(stack, name, "stderr"), offset, length)


@method("supervisor.clearProcessLogs", "supervisor.clearProcessLog")
async def clear(stack: Stack, name: str) -> bool:
    """Let a process's logs begin anew: they are rotated."""
    _clear(stack, the_one(stack, name).name)
    return True


@method("supervisor.clearAllProcessLogs")
async def clear_all(stack: Stack) -> list[Any]:
    """Let the logs of all processes begin anew."""
    told = []
    for one in in_order(stack):
        try:
            _clear(stack, one.name)
        except Fault as fault:
            told.append(result(one, fault))
        else:
            told.append(result(one))
    return told


@method("supervisor.clearLog")
async def clear_main(stack: Stack) -> bool:
    """Empty the supervisor's own log."""
    try:
        if stack.programs.clear_main():
            return True
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None
    raise Fault(Code.NO_FILE)


def _clear(stack: Stack, name: str) -> None:
    try:
        stack.programs.clear(name)
    except MamctlError as error:
        raise Fault(Code.FAILED, error.message) from None


def _path(stack: Stack, name: str, channel: str) -> str:
    return stack.programs.logs(the_one(stack, name).run).get(channel, "")


async def _read(path: str, offset: int, length: int) -> str | Stretch:
    if not path:
        raise Fault(Code.NO_FILE, "its two streams have one log, that of stdout")
    if length and (offset < 0 or length < 0):
        raise Fault(Code.BAD_ARGUMENTS)
    return await asyncio.to_thread(_piece, path, offset, length)


async def _tail(path: str, offset: int, length: int) -> list[Any]:
    if not path:
        return ["", 0, False]
    return await asyncio.to_thread(_end, path, offset, min(length, LARGEST))


def _piece(path: str, offset: int, length: int) -> str | Stretch:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size + offset) if offset < 0 else offset
            count = size - start if not length else min(length, size - start)
            if count > LARGEST:
                raise Fault(Code.FAILED, f"{count} bytes are too many for one answer: read {LARGEST} at a time")
            return _text(file, min(start, size), max(0, count))
    except FileNotFoundError:
        raise Fault(Code.NO_FILE, path) from None
    except OSError as error:
        raise Fault(Code.FAILED, error.strerror) from None


def _end(path: str, offset: int, length: int) -> list[Any]:
    """Do what supervisord's tailFile does, whose rules are these."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            overflow = size > offset + length
            offset = size - 1 if overflow else offset
            if offset + length > size:
                length = 0 if offset > size - 1 else length
                offset = size - length
            return [_text(file, max(0, offset), max(0, length)), size, overflow]
    except FileNotFoundError:
        return ["", 0, False]
    except OSError:
        return ["", offset, False]


def _text(file: BinaryIO, start: int, count: int) -> str | Stretch:
    """Return so much of a file: what is short at once."""
    if count > LONG:
        return Stretch(os.dup(file.fileno()), start, count)
    file.seek(start)
    return file.read(count).decode(errors="replace")
