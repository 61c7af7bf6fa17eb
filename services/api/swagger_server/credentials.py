"""The token of whoever asks: a backend that wants one (API_TOKEN) gets that of our caller, never one of ours.

Were it ours, everybody on this machine could read through this server what the token is to keep from them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_COOKIE = re.compile(rb"(?:^|;)\s*(mam_token=[A-Za-z0-9._~-]{1,400})\s*(?:;|$)")

_carried: ContextVar[dict[str, str]] = ContextVar("carried", default={})  # noqa: B039  it is never changed, only replaced


@contextmanager
def carried_by(headers: list[tuple[bytes, bytes]]) -> Iterator[None]:
    """Pass on, for the length of a request, what its headers have of a token."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == b"authorization":
            found["Authorization"] = value.decode("latin-1")
        elif name == b"cookie" and (match := _COOKIE.search(value)):
            found["Cookie"] = match[1].decode("ascii")
    mark = _carried.set(found)
    try:
        yield
    finally:
        _carried.reset(mark)


def credentials() -> dict[str, str]:
    """Return the headers to send to the backend with the present request."""
    return _carried.get()
