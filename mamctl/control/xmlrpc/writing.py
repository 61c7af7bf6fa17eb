"""Answers as XML: as bytes, or as a flow where long stretches of logs are in them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from mamctl.control.xmlrpc.stretch import Stretch
from mamctl.control.xmlrpc.text import blocks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from mamctl.control.xmlrpc.faults import Fault

MOST: Final = (1 << 31) - 1
LEAST: Final = -MOST - 1
# Characters around a value, about.
MARKS: Final = 40
_HEAD: Final = "<?xml version='1.0' encoding='utf-8'?>\n<methodResponse>\n"
_TAIL: Final = "\n</methodResponse>\n"
_ARRAY: Final = "<array><data>\n"
_ARRAY_END: Final = "</data></array>"
_BEGIN: Final = f"{_HEAD}<params><param><value>"
_END: Final = f"</value></param></params>{_TAIL}"


def response(value: Any) -> bytes:
    """Return the answer of a method."""
    return f"{_BEGIN}{_of(value)}{_END}".encode()


class Flow:
    """The answer of a method that gives stretches of logs, which are read only while it is sent."""

    def __init__(self, value: Any) -> None:
        self._parts = [_BEGIN, *_parts(value), _END]

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield it. Raises ConnectionAbortedError when a log cannot be read on: nobody takes a part for the whole."""
        try:
            for part in self._parts:
                if isinstance(part, str):
                    yield part.encode()
                    continue
                async for block in part.pieces():
                    yield block.encode()
                    # A client that takes all at once must not keep others from this loop.
                    await asyncio.sleep(0)
        except OSError as error:
            raise ConnectionAbortedError(f"a log cannot be read on: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the logs."""
        for stretch in stretches(self._parts):
            stretch.close()


def stretches(value: Any) -> Iterator[Stretch]:
    """Yield the stretches of logs that are in a value; they are in no struct."""
    match value:
        case Stretch():
            yield value
        case list():
            for item in value:
                yield from stretches(item)


def fault(found: Fault) -> bytes:
    """Return the answer of a method that failed."""
    return f"{_HEAD}<fault><value>{_of(fault_struct(found))}</value></fault>{_TAIL}".encode()


def fault_struct(found: Fault) -> dict[str, Any]:
    """Return a fault as a struct, which is also how multicall tells one."""
    return {"faultCode": int(found.code), "faultString": found.text}


def size(value: Any) -> int:
    """Return about how many characters an answer has, marks included."""
    match value:
        case str():
            return len(value)
        case Stretch():
            return value.size
        case list() | tuple():
            return sum(MARKS + size(item) for item in value)
        case dict():
            return sum(MARKS + len(name) + size(item) for name, item in value.items())
        case _:
            return MARKS


def _parts(value: Any) -> Iterator[str | Stretch]:
    match value:
        case Stretch():
            yield "<string>"
            yield value
            yield "</string>"
        case list():
            yield _ARRAY
            for item in value:
                yield "<value>"
                yield from _parts(item)
                yield "</value>\n"
            yield _ARRAY_END
        case _:
            yield _of(value)


def _of(value: Any) -> str:
    match value:
        case bool():
            return f"<boolean>{value:d}</boolean>"
        case int():
            # XML-RPC has 32 bits; supervisord cuts its times off in the same way.
            return f"<int>{max(LEAST, min(MOST, value)):d}</int>"
        case float():
            return f"<double>{value!r}</double>"
        case str():
            return f"<string>{_text(value)}</string>"
        case list() | tuple():
            data = "".join(f"<value>{_of(item)}</value>\n" for item in value)
            return f"{_ARRAY}{data}{_ARRAY_END}"
        case dict():
            members = "".join(map(_member, value.items()))
            return f"<struct>\n{members}</struct>"
        case _:
            raise TypeError(f"XML-RPC has nothing like {type(value).__name__}")


def _member(pair: tuple[str, Any]) -> str:
    name, value = pair
    return f"<member><name>{_text(name)}</name><value>{_of(value)}</value></member>\n"


def _text(text: str) -> str:
    return "".join(blocks(text))
