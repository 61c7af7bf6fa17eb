"""Answers as XML. What XML cannot hold, of a log say, is replaced by U+FFFD, one for one; all else comes out as it was.

The standard library's writer lets such characters through, and then no client can read the answer; and it leaves
carriage returns to be taken for newlines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mamctl.control.xmlrpc.faults import Fault

MOST: Final = (1 << 31) - 1
LEAST: Final = -MOST - 1
# Characters.
BLOCK: Final = 1 << 16
# Characters around a value, about.
MARKS: Final = 40
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD: Final = "<?xml version='1.0' encoding='utf-8'?>\n<methodResponse>\n"
_TAIL: Final = "\n</methodResponse>\n"


def response(value: Any) -> bytes:
    """Return the answer of a method."""
    return f"{_HEAD}<params><param><value>{_of(value)}</value></param></params>{_TAIL}".encode()


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
        case list() | tuple():
            return sum(MARKS + size(item) for item in value)
        case dict():
            return sum(MARKS + len(name) + size(item) for name, item in value.items())
        case _:
            return MARKS


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
            return f"<array><data>\n{data}</data></array>"
        case dict():
            members = "".join(map(_member, value.items()))
            return f"<struct>\n{members}</struct>"
        case _:
            raise TypeError(f"XML-RPC has nothing like {type(value).__name__}")


def _member(pair: tuple[str, Any]) -> str:
    name, value = pair
    return f"<member><name>{_text(name)}</name><value>{_of(value)}</value></member>\n"


def _text(text: str) -> str:
    # In blocks: nothing else of the process can run while a whole log is gone through at once.
    return "".join(_fit(text[start : start + BLOCK]) for start in range(0, len(text), BLOCK))


def _fit(text: str) -> str:
    text = _UNFIT.sub("\ufffd", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")
